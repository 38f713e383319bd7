/**
 * The smallest manifests that serve somebody: one agent, one database.
 */

/** YAML for the user `agent` of database `postgres` at `port`; `relation` is one entry of the policy's relations. */
export const oneAgent = (port: number, relation: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: db }
stringData: { username: postgres, password: postgres }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: db }
spec: { host: 127.0.0.1, port: ${port}, database: postgres, tls: { mode: Disable }, credentials: { secretRef: { name: db } } }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: one }
spec:
  connectionRef: { name: db }
  subjects: [{ agent: { name: agent } }]
  relations:
    - ${relation}
`;
