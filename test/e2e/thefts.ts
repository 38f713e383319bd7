/**
 * What an agent that is root in its container may try, as shell commands. None may print what is secret.
 */

export type Theft = {
  /** What it is after. */
  readonly aim: 'secret' | 'files' | 'memory' | 'environment' | 'process' | 'network' | 'database';
  readonly name: string;
  readonly command: string;
  /** The output that shows that the attempt was made and refused. Without it, finding nothing is enough. */
  readonly refused?: RegExp;
};

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const API = `curl -sS -m 10 -k -H "Authorization: Bearer $(cat ${TOKEN})" https://kubernetes.default.svc`;
const SYSCALL = (program: string): string => `python3 - <<'PY'\nimport os, glob\n${program}\nPY`;
const EVERY_PROCESS = 'for p in /proc/[0-9]*; do';
const PSQL = 'psql -X -A -d shop -U anybody';

/** One by one; `NODE` stands for the node's address, `CONTROL` for the operator's control plane. */
export const THEFTS: readonly Theft[] = [
  {
    aim: 'secret',
    name: 'read the Secrets by its own account',
    command: `${API}/api/v1/namespaces/agents/secrets`,
    refused: /"code": 403/,
  },
  {
    aim: 'secret',
    name: 'read the managed Secret by its name',
    command: `${API}/api/v1/namespaces/agents/secrets/pg-airlock-data.shop`,
    refused: /"code": 403/,
  },
  {
    aim: 'secret',
    name: "ask for a token of the airlock's audience",
    command: `${API}/api/v1/namespaces/agents/serviceaccounts/default/token -H 'Content-Type: application/json' -d '{"spec":{"audiences":["pg-airlock.dev"]}}'`,
    refused: /"code": 403/,
  },
  {
    aim: 'secret',
    name: 'make a pod that mounts the Secret',
    command: `${API}/api/v1/namespaces/agents/pods -H 'Content-Type: application/json' -d '{"metadata":{"name":"thief"},"spec":{"containers":[{"name":"a","image":"a","volumeMounts":[{"name":"s","mountPath":"/s"}]}],"volumes":[{"name":"s","secret":{"secretName":"pg-airlock-data.shop"}}]}}'`,
    refused: /"code": 403/,
  },
  {
    aim: 'secret',
    name: 'run a command in the sidecar by its own account',
    command: `${API}/api/v1/namespaces/agents/pods/$(hostname)/exec?container=pg-airlock\\&command=/nodejs/node\\&stdout=true -X POST`,
    refused: /"code": 403/,
  },
  {
    aim: 'secret',
    name: 'ask the kubelet for pods',
    command: `curl -sS -m 5 -k https://NODE:10250/pods`,
    refused: /Unauthorized|Forbidden/,
  },
  {
    aim: 'secret',
    name: 'run a command in the sidecar by the kubelet',
    command: `curl -sS -m 5 -k -H "Authorization: Bearer $(cat ${TOKEN})" -X POST "https://NODE:10250/run/agents/$(hostname)/pg-airlock?cmd=id"`,
    refused: /Unauthorized|Forbidden/,
  },
  {
    aim: 'secret',
    name: 'ask the control plane for the bundle with its own token',
    command: `curl -sS -m 5 -k -w '%{http_code}' -H "Authorization: Bearer $(cat ${TOKEN})" https://CONTROL/v1/bundle`,
    refused: /401/,
  },
  {
    aim: 'secret',
    name: 'ask the control plane without one',
    command: `curl -sS -m 5 -k -w '%{http_code}' https://CONTROL/v1/bundle`,
    refused: /401/,
  },

  {
    aim: 'files',
    name: "look for the sidecar's files",
    command: 'ls -laR /var/run/pg-airlock /var/lib/pg-airlock /app /nodejs',
    refused: /No such file/,
  },
  {
    aim: 'files',
    name: 'search its whole file system for them',
    command: `find / -xdev \\( -name '*airlock*' -o -name '*shop*' -o -name ca.crt -o -name token \\) -not -path '/proc/*' -exec cat {} + 2>/dev/null | head -c 100000; true`,
  },
  {
    aim: 'files',
    name: 'read them through another process',
    command: `${EVERY_PROCESS} cat $p/root/var/run/pg-airlock/*/*/* $p/cwd/token; done`,
    refused: /No such file|Permission denied/,
  },
  { aim: 'files', name: 'find the volumes in the table of mounts', command: 'cat /proc/*/mountinfo /proc/mounts' },
  {
    aim: 'files',
    name: "read the kubelet's copy of the volumes",
    command: 'cat /var/lib/kubelet/pods/*/volumes/*/*/*',
    refused: /No such file/,
  },
  {
    aim: 'files',
    name: "mount the node's file system",
    command: 'mkdir -p /tmp/m; mount -t proc proc /tmp/m; mount --bind / /tmp/m; mount -t tmpfs t /tmp/m',
    refused: /permission denied|not permitted/i,
  },
  {
    aim: 'files',
    name: "make a device of the node's disk and read it",
    command:
      'for d in "259 0" "8 0" "254 0" "252 0" "253 0"; do rm -f /tmp/disk; mknod /tmp/disk b $d && head -c 512 /tmp/disk | base64; done',
    refused: /not permitted|No such device/,
  },
  {
    aim: 'files',
    name: "open the node's files by handle",
    command: SYSCALL(`import ctypes
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure): _fields_ = [('size', ctypes.c_uint), ('type', ctypes.c_int), ('bytes', ctypes.c_ubyte * 8)]
handle = Handle(8, 1, (ctypes.c_ubyte * 8)(2))
print(libc.open_by_handle_at(os.open('/etc/hostname', os.O_RDONLY), ctypes.byref(handle), 0), os.strerror(ctypes.get_errno()))`),
    refused: /not permitted|No module/,
  },
  { aim: 'files', name: 'escape by chroot', command: 'mkdir -p /tmp/jail; chroot / ls /var/run/pg-airlock', refused: /No such file/ },
  {
    aim: 'files',
    name: 'escape by a core pattern',
    command: 'echo "|/bin/cp /etc/shadow /tmp" > /proc/sys/kernel/core_pattern',
    refused: /Read-only|Permission denied/i,
  },
  {
    aim: 'files',
    name: "escape by a control group's release agent",
    command: 'mkdir -p /tmp/cg; mount -t cgroup -o memory cgroup /tmp/cg; echo /x > /sys/fs/cgroup/memory/release_agent',
    refused: /denied|not permitted|Read-only/i,
  },
  {
    aim: 'files',
    name: 'get the containers from containerd',
    command: 'ls -la /run/containerd /var/run/docker.sock',
    refused: /No such file/,
  },

  {
    aim: 'process',
    name: "see the sidecar's process",
    command: 'ps -ef | grep -v "ps -ef" | grep -v grep; ps -ef | grep -c "[n]ode\\|[p]roxy"',
    refused: /^0$/m,
  },
  {
    aim: 'process',
    name: 'go through all process ids',
    command: 'for p in $(seq 1 4000); do [ -d /proc/$p ] && tr "\\0" " " < /proc/$p/cmdline; done; kill -0 4001',
    refused: /No such process/,
  },
  {
    aim: 'process',
    name: 'enter its namespaces',
    command: `for p in /proc/[0-9]*; do nsenter -t "\${p#/proc/}" -m -p -n ls /var/run/pg-airlock; done`,
    refused: /not permitted|denied|No such file/i,
  },
  {
    aim: 'process',
    name: 'make a namespace in which it is almighty',
    command: 'unshare -Urm sh -c "mount -t proc proc /proc && ls /var/run/pg-airlock"',
    refused: /not permitted|No such file|denied/i,
  },
  {
    aim: 'process',
    name: 'trace it',
    command: 'for p in $(ls /proc | grep "^[0-9]"); do timeout 1 strace -f -p $p -e trace=read,write -s 200; done',
    refused: /attach|not permitted|Process .* attached/,
  },
  { aim: 'process', name: 'debug it', command: 'timeout 20 gdb -batch -p 1 -ex "info proc mappings" 2>&1 | tail -40' },

  { aim: 'environment', name: 'read its environment', command: `${EVERY_PROCESS} tr '\\0' '\\n' < $p/environ; done` },
  { aim: 'environment', name: 'read its command line', command: `${EVERY_PROCESS} tr '\\0' ' ' < $p/cmdline; done` },

  {
    aim: 'memory',
    name: 'read the memory of all that it sees',
    command: SYSCALL(`for maps in glob.glob('/proc/[0-9]*/maps'):
    if maps.split('/')[2] == str(os.getpid()): continue
    try:
        memory = open(maps[:-4] + 'mem', 'rb', 0)
        for line in open(maps):
            start, end = [int(part, 16) for part in line.split()[0].split('-')]
            if 'rw' not in line or end - start > 1 << 26: continue
            try:
                memory.seek(start)
                content = memory.read(end - start)
                for needle in (b'first-', b'second-', b'eyJ'):
                    at = content.find(needle)
                    if at >= 0: print(maps, content[max(0, at - 40):at + 900])
            except Exception as error: pass
    except Exception as error: print(maps, error)`),
  },
  {
    aim: 'memory',
    name: "read the node's memory",
    command: 'head -c 64 /dev/mem; head -c 64 /proc/kcore | base64; dmesg | head -5',
    refused: /No such file|not permitted|denied/i,
  },
  { aim: 'memory', name: 'find shared memory', command: 'ls -la /dev/shm; ipcs -a' },

  {
    aim: 'network',
    name: 'listen on the wire while a session is opened',
    command: `timeout 8 tcpdump -Z root -i any -A -s 0 -w /tmp/wire 2>/dev/null & sleep 2; ${PSQL} -c 'SELECT 1' >/dev/null; sleep 2; ${PSQL} -c 'SELECT 2' >/dev/null; wait; tr -c '[:print:]' '\\n' < /tmp/wire`,
    refused: /SELECT 2/,
  },
  {
    aim: 'network',
    name: "take the sidecar's port",
    command: 'timeout 3 nc -l 127.0.0.1 5432; timeout 3 nc -l -p 9632',
    refused: /in use/,
  },
  { aim: 'network', name: 'find sockets without a path', command: 'cat /proc/net/unix' },
  { aim: 'network', name: 'find what else listens in the pod', command: 'ss -ltnp; curl -sS -m 5 http://127.0.0.1:9229/json' },
  {
    aim: 'network',
    name: 'read what the sidecar tells Prometheus',
    command: 'for p in metrics startupz readyz healthz debug json config; do curl -sS -m 5 http://127.0.0.1:9632/$p; done',
  },
  {
    aim: 'network',
    name: "lead the database's name to itself, by the hosts that all containers share",
    command: `cp /etc/hosts /tmp/hosts; echo '127.0.0.2 postgres.data.svc' >> /etc/hosts
timeout 10 python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.2", 5432)); s.listen(); c, _ = s.accept(); c.settimeout(3); print(c.recv(4096)); c.sendall(b"N"); print(c.recv(4096))' &
sleep 1; ${PSQL} -c 'SELECT 1' </dev/null; cat /tmp/hosts > /etc/hosts; wait`,
    refused: /The database does not offer TLS/,
  },
  {
    aim: 'network',
    name: 'turn the traffic to itself',
    command: 'ip addr add 10.203.255.254/32 dev lo; ip route add blackhole 10.0.0.0/8',
    refused: /not permitted/,
  },
  {
    aim: 'network',
    name: 'ask the cloud for credentials',
    command: 'curl -sS -m 3 http://169.254.169.254/latest/meta-data/',
    refused: /timed out|refused|unreachable|Failed|Could not|Couldn/i,
  },

  {
    aim: 'database',
    name: 'go to the database past the airlock',
    command: 'PGHOST=postgres.data.svc PGSSLMODE=require psql -X -d shop -U airlock -w -c "SELECT 1"',
    refused: /password/,
  },
  {
    aim: 'database',
    name: 'ask the database for the password',
    command: `${PSQL} -c "SELECT rolpassword FROM pg_authid"; ${PSQL} -c "SELECT * FROM pg_shadow"`,
    refused: /permission denied/,
  },
  {
    aim: 'database',
    name: "ask for the session's settings",
    command: `${PSQL} -c "SELECT current_setting('session_authorization')"; ${PSQL} -c "SHOW ALL"; ${PSQL} -c "SELECT * FROM pg_stat_ssl"`,
  },
  {
    aim: 'database',
    name: 'read files of the server',
    command: `${PSQL} -c "SELECT pg_read_file('/etc/passwd')"; ${PSQL} -c "COPY orders TO PROGRAM 'id'"`,
    refused: /permission denied/,
  },
  {
    aim: 'database',
    name: 'tempt an error to tell more',
    command: `${PSQL} -c "SELECT 1/(ssn::int) FROM customers"; psql -X -d other -U anybody -c 'SELECT 1'; PGPASSWORD=x psql -X -d shop -U airlock -c 'SELECT 1'`,
  },
];
