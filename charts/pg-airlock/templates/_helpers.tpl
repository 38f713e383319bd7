{{/* What every name of this release begins with. */}}
{{- define "pg-airlock.fullname" -}}
{{- .Release.Name -}}
{{- end }}

{{/* Name of the operator's Deployment, ServiceAccount, ConfigMap and Lease. */}}
{{- define "pg-airlock.operatorName" -}}
{{- include "pg-airlock.fullname" . }}-operator
{{- end }}

{{/* The operator as the API server knows it: request.userInfo.username. */}}
{{- define "pg-airlock.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "pg-airlock.operatorName" . }}
{{- end }}

{{/* Labels that select the operator's pods. They never change. */}}
{{- define "pg-airlock.operatorSelector" -}}
app.kubernetes.io/name: pg-airlock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of every object of this chart. */}}
{{- define "pg-airlock.labels" -}}
app.kubernetes.io/name: pg-airlock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: pg-airlock
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Namespaces without injection and without our admission rules, as a JSON array: the own one, and those that the values name. */}}
{{- define "pg-airlock.excludedNamespaces" -}}
{{- concat (list .Release.Namespace) .Values.excludedNamespaces | uniq | toJson -}}
{{- end }}

{{/* An image: dict "image" .Values.image.proxy "chart" .Chart. A digest wins over a tag; without either it is the chart's version. */}}
{{- define "pg-airlock.image" -}}
{{- with .image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The image of the injected sidecar, as its container has it. */}}
{{- define "pg-airlock.sidecarImage" -}}
{{- include "pg-airlock.image" (dict "image" .Values.image.proxy "chart" .Chart) -}}
{{- end }}

{{/* Names of the Secret with the certificate, and of cert-manager's objects for it. */}}
{{- define "pg-airlock.certificateName" -}}
{{- include "pg-airlock.fullname" . }}-certificates
{{- end }}

{{/* What sidecars are told to connect to. */}}
{{- define "pg-airlock.controlUrl" -}}
{{- with .Values.control.url -}}
{{ . }}
{{- else -}}
https://{{ include "pg-airlock.fullname" . }}-control.{{ .Release.Namespace }}.svc:8444
{{- end -}}
{{- end }}

{{/* Whether the operator runs in the cluster: "true", or nothing. */}}
{{- define "pg-airlock.inCluster" -}}
{{- if not .Values.webhook.url }}true{{ end -}}
{{- end }}

{{/* Names, or addresses, that the certificate must bear, as a JSON array. */}}
{{- define "pg-airlock.certificateHosts" -}}
{{- $hosts := list -}}
{{- range $service := list "webhook" "control" -}}
{{- $host := printf "%s-%s.%s.svc" (include "pg-airlock.fullname" $) $service $.Release.Namespace -}}
{{- $hosts = concat $hosts (list $host (printf "%s.cluster.local" $host)) -}}
{{- end -}}
{{- range compact (list .Values.webhook.url .Values.control.url) -}}
{{- $hosts = append $hosts (regexReplaceAll "^\\[|\\]$" (urlParse .).hostname "") -}}
{{- end -}}
{{- $hosts | uniq | toJson -}}
{{- end }}

{{/* Where a webhook of ours is: list $ "/path". */}}
{{- define "pg-airlock.clientConfig" -}}
{{- $root := index . 0 -}}
{{- $path := index . 1 -}}
{{- if $root.Values.webhook.url -}}
url: {{ printf "%s%s" $root.Values.webhook.url $path | quote }}
{{- else -}}
service:
  name: {{ include "pg-airlock.fullname" $root }}-webhook
  namespace: {{ $root.Release.Namespace }}
  path: {{ $path }}
  port: 443
{{- end -}}
{{- end }}

{{/* Of webhook configurations where cert-manager keeps their caBundle. */}}
{{- define "pg-airlock.injectCa" -}}
{{- if eq .Values.certificates.source "CertManager" -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "pg-airlock.certificateName" . }}
{{- end -}}
{{- end }}

{{/* Security context of every container of this chart, as Pod Security's level restricted has it and more. */}}
{{- define "pg-airlock.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end }}

{{/* And of every pod. */}}
{{- define "pg-airlock.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Where the pods of this chart run, and what their images are pulled with. */}}
{{- define "pg-airlock.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A container that runs a script of the volume "scripts" with the operator's Node: list $ "name" "argument" ... The image has no shell. */}}
{{- define "pg-airlock.scriptContainer" -}}
{{- $root := first . -}}
{{- $script := index . 1 -}}
image: {{ include "pg-airlock.image" (dict "image" $root.Values.image.operator "chart" $root.Chart) | quote }}
imagePullPolicy: {{ $root.Values.image.operator.pullPolicy }}
command: {{ concat (list "/usr/bin/node" (printf "/scripts/%s" $script)) (slice . 2) | toJson }}
{{- if ne $script "prove.mts" }}
env:
  - name: NODE_EXTRA_CA_CERTS
    value: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
{{- end }}
resources:
  requests:
    cpu: 10m
    memory: 64Mi
  limits:
    memory: 192Mi
securityContext:
  {{- include "pg-airlock.containerSecurity" $root | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: scripts
    mountPath: /scripts
    readOnly: true
{{- end }}
