{{/*
What the admission policies share. Their names, labels, audiences and paths are those of kernel/cluster-names.ts; test/threats tries each
rule with what that file says.
*/}}

{{/* Metadata and failurePolicy of a policy: list $ "its-name" [annotations]. */}}
{{- define "pg-airlock.admission.head" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ include "pg-airlock.fullname" (index . 0) }}-{{ index . 1 }}
  labels:
    {{- include "pg-airlock.labels" (index . 0) | nindent 4 }}
  {{- if gt (len .) 2 }}
  annotations:
    {{- index . 2 | toYaml | nindent 4 }}
  {{- end }}
spec:
  failurePolicy: Fail
{{- end }}

{{/* Metadata, policy and action of its binding: list $ "name-of-the-policy" ["-suffix of the binding"]. */}}
{{- define "pg-airlock.admission.binding" -}}
{{- $name := printf "%s-%s" (include "pg-airlock.fullname" (index . 0)) (index . 1) -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}{{ if gt (len .) 2 }}{{ index . 2 }}{{ end }}
  labels:
    {{- include "pg-airlock.labels" (index . 0) | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
{{- end }}

{{/* All namespaces but the excluded ones. The API server itself sets that label, and lets nobody change it. */}}
{{- define "pg-airlock.admission.namespaces" -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ include "pg-airlock.excludedNamespaces" . }}
{{- end }}

{{/* Pods as they are made, and all that can change what is in them later. */}}
{{- define "pg-airlock.admission.podRules" -}}
resourceRules:
  - apiGroups: ['']
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods]
  - apiGroups: ['']
    apiVersions: [v1]
    operations: [UPDATE]
    resources: [pods/ephemeralcontainers]
{{- end }}

{{/* Finalizers, labels and their like of a pod that is older than these rules can still be changed. */}}
{{- define "pg-airlock.admission.specChanged" -}}
- name: the-pod-is-new-or-changed
  expression: request.operation == 'CREATE' || object.spec != oldObject.spec
{{- end }}

{{/* Every container of the pod, whatever its kind. */}}
{{- define "pg-airlock.admission.containers" -}}
- name: containers
  expression: >-
    dyn(object.spec.containers) + dyn(object.spec.?initContainers.orValue([])) + dyn(object.spec.?ephemeralContainers.orValue([]))
{{- end }}

{{/* The containers of the sidecar's name where the sidecar is: one, or none. */}}
{{- define "pg-airlock.admission.sidecars" -}}
- name: sidecars
  expression: object.spec.?initContainers.orValue([]).filter(c, c.name == 'pg-airlock')
{{- end }}

{{/* Needs containers. Names of the Secrets that environments and image pulls name, some of them empty. Lists are made flat by a comma. */}}
{{- define "pg-airlock.admission.secretsOutsideVolumes" -}}
- name: secretsOutsideVolumes
  expression: >-
    (variables.containers.map(c, (c.?env.orValue([]).map(e, e.?valueFrom.secretKeyRef.name.orValue(''))
      + c.?envFrom.orValue([]).map(e, e.?secretRef.name.orValue(''))).join(','))
    + object.spec.?imagePullSecrets.orValue([]).map(s, s.?name.orValue(''))).join(',').split(',')
{{- end }}

{{/* Of a volume `v`: names of the Secrets that it takes something from. */}}
{{- define "pg-airlock.admission.secretsOfVolume" -}}
([v.?secret.secretName, v.?csi.nodePublishSecretRef.name, v.?flexVolume.secretRef.name, v.?azureFile.secretName, v.?cephfs.secretRef.name,
v.?cinder.secretRef.name, v.?rbd.secretRef.name, v.?scaleIO.secretRef.name, v.?storageos.secretRef.name, v.?iscsi.secretRef.name].map(name, name.orValue(''))
+ v.?projected.sources.orValue([]).map(s, s.?secret.name.orValue(''))
+ v.?csi.volumeAttributes.orValue({}).map(key, v.csi.volumeAttributes[key])
+ v.?flexVolume.options.orValue({}).map(key, v.flexVolume.options[key]))
{{- end }}

{{/* The sidecar's images, as a list in CEL: this release's, those of the values, and the last release's, whose operator goes on for a while. */}}
{{- define "pg-airlock.admission.sidecarImages" -}}
{{- $image := include "pg-airlock.sidecarImage" . -}}
{{- $policy := lookup "admissionregistration.k8s.io/v1" "ValidatingAdmissionPolicy" "" (printf "%s-sidecar" (include "pg-airlock.fullname" .)) -}}
{{- $last := dig "metadata" "annotations" "pg-airlock.dev/sidecar-image" "" $policy -}}
{{- concat (list $image) .Values.admissionPolicies.sidecarImages (list $last) | compact | uniq | toJson -}}
{{- end }}
