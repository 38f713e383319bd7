/**
 * What the node's programs are told, as the texts of their files.
 *
 * cgroup v1 and the lack of CAP_SYS_RESOURCE, as in many build machines, are what most of it is about.
 */

/** The pods' network and the Services', unlikely ones, and what the node's bridge and name server have of them. */
export const NETWORK = {
  bridge: 'pg-airlock0',
  pods: '10.203.0.0/16',
  services: '10.204.0.0/24',
  node: '10.203.0.1',
  apiService: '10.204.0.1',
  dnsService: '10.204.0.10',
} as const;

export const NODE = 'node1';
export const PAUSE_IMAGE = 'pg-airlock.test/pause:1';

export const kubeletConfiguration = (state: string): string =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0,
    evictionHard: {},
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    authentication: { x509: { clientCAFile: `${state}/pki/ca.crt` }, anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${state}/pki/node.crt`,
    tlsPrivateKeyFile: `${state}/pki/node.key`,
    containerRuntimeEndpoint: `unix://${state}/containerd.sock`,
    clusterDNS: [NETWORK.dnsService],
    clusterDomain: 'cluster.local',
    podLogsDir: `${state}/pods`,
  });

export const networkConfiguration = (state: string): string =>
  JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pg-airlock-pods',
    plugins: [
      {
        type: 'bridge',
        bridge: NETWORK.bridge,
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: `${state}/addresses`,
          ranges: [[{ subnet: NETWORK.pods }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });

export const containerdConfiguration = (state: string): string => `version = 2
root = "${state}/containerd/root"
state = "${state}/containerd/state"
[grpc]
  address = "${state}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${state}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;

export const kubeProxyConfiguration = (state: string): string =>
  JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: `${state}/admin.kubeconfig` },
    hostnameOverride: NODE,
    clusterCIDR: NETWORK.pods,
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });

export const dnsConfiguration = (state: string, url: string): string => `.:53 {
  bind ${NETWORK.node}
  kubernetes cluster.local {
    endpoint ${url}
    kubeconfig ${state}/admin.kubeconfig test
  }
}
`;

/** CoreDNS runs on the node, outside any pod: its Service leads there. */
export const DNS_SERVICE = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: {
      clusterIP: NETWORK.dnsService,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kube-dns-1', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
    endpoints: [{ addresses: [NETWORK.node], conditions: { ready: true } }],
  },
];
