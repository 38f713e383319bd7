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

{{/* What sidecars are told to connect to. */}}
{{- define "pg-airlock.controlUrl" -}}
https://{{ include "pg-airlock.fullname" . }}-control.{{ .Release.Namespace }}.svc:8444
{{- end }}
