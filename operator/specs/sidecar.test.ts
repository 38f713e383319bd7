import { describe, expect, it } from 'vitest';
import { type SidecarSettings, sidecarContainer, sidecarVolumes } from './sidecar.ts';

const settings: SidecarSettings = {
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    uid: 64_320,
    resources: { requests: { cpu: '10m' }, limits: { memory: '256Mi' } },
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  controlUrl: 'https://pg-airlock-control.pg-airlock.svc:8444',
};
const connections = [
  { namespace: 'data', name: 'shop', port: 5432 },
  { namespace: 'agents', name: 'crm', port: 5433 },
];

describe('sidecarContainer()', () => {
  it('is the whole container, with what the API server would fill in', () => {
    expect(sidecarContainer(settings, connections)).toEqual({
      name: 'pg-airlock',
      image: 'pg-airlock/proxy:0.1.0',
      args: [
        'proxy',
        '--control',
        'https://pg-airlock-control.pg-airlock.svc:8444',
        '--access',
        '/var/run/pg-airlock',
        '--listen',
        '127.0.0.1:5432=data/shop',
        '--listen',
        '127.0.0.1:5433=agents/crm',
        '--metrics',
        '0.0.0.0:9632',
        '--audit',
        '/var/lib/pg-airlock/audit',
        '--audit-limit',
        '1Gi',
        '--log-level',
        'info',
      ],
      ports: [{ name: 'airlock-metrics', containerPort: 9632, protocol: 'TCP' }],
      resources: { limits: { memory: '256Mi' }, requests: { cpu: '10m', memory: '256Mi' } },
      restartPolicy: 'Always',
      volumeMounts: [
        { name: 'pg-airlock-access', readOnly: true, mountPath: '/var/run/pg-airlock' },
        { name: 'pg-airlock-audit', mountPath: '/var/lib/pg-airlock' },
      ],
      livenessProbe: {
        httpGet: { path: '/healthz', port: 9632, scheme: 'HTTP' },
        timeoutSeconds: 2,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 6,
      },
      readinessProbe: {
        httpGet: { path: '/readyz', port: 9632, scheme: 'HTTP' },
        timeoutSeconds: 2,
        periodSeconds: 5,
        successThreshold: 1,
        failureThreshold: 3,
      },
      startupProbe: {
        httpGet: { path: '/startupz', port: 9632, scheme: 'HTTP' },
        timeoutSeconds: 2,
        periodSeconds: 1,
        successThreshold: 1,
        failureThreshold: 600,
      },
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'FallbackToLogsOnError',
      imagePullPolicy: 'IfNotPresent',
      securityContext: {
        capabilities: { drop: ['ALL'] },
        runAsUser: 64_320,
        runAsGroup: 64_320,
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
  });

  it('asks for nothing where nothing is configured', () => {
    expect(sidecarContainer({ ...settings, sidecar: { ...settings.sidecar, resources: {} } }, connections).resources).toEqual({});
  });
});

describe('sidecarVolumes()', () => {
  it('projects token, credentials and the control authority, and only the database authority may be absent', () => {
    expect(sidecarVolumes(settings, connections)).toEqual([
      {
        name: 'pg-airlock-access',
        projected: {
          sources: [
            { serviceAccountToken: { audience: 'pg-airlock.dev', expirationSeconds: 600, path: 'token' } },
            {
              secret: {
                name: 'pg-airlock-data.shop',
                items: [
                  { key: 'username', path: 'connections/data.shop/username' },
                  { key: 'password', path: 'connections/data.shop/password' },
                  { key: 'control-ca.crt', path: 'control-ca.crt' },
                ],
              },
            },
            { secret: { name: 'pg-airlock-data.shop', items: [{ key: 'ca.crt', path: 'connections/data.shop/ca.crt' }], optional: true } },
            {
              secret: {
                name: 'pg-airlock-agents.crm',
                items: [
                  { key: 'username', path: 'connections/agents.crm/username' },
                  { key: 'password', path: 'connections/agents.crm/password' },
                ],
              },
            },
            {
              secret: { name: 'pg-airlock-agents.crm', items: [{ key: 'ca.crt', path: 'connections/agents.crm/ca.crt' }], optional: true },
            },
          ],
          defaultMode: 0o444,
        },
      },
      { name: 'pg-airlock-audit', emptyDir: { sizeLimit: '1Gi' } },
    ]);
  });
});
