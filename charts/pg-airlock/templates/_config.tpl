{{/* The operator's configuration: operator/config.ts says what each field is. */}}
{{- define "pg-airlock.config" -}}
{{- $selfManaged := eq .Values.certificates.source "SelfManaged" -}}
namespace: {{ .Release.Namespace }}
excludedNamespaces: {{ include "pg-airlock.excludedNamespaces" . }}
connections:
  allowUnverifiedServers: {{ .Values.connections.allowUnverifiedServers }}
sidecar:
  image: {{ include "pg-airlock.sidecarImage" . | quote }}
  imagePullPolicy: {{ .Values.image.proxy.pullPolicy }}
  uid: {{ int64 .Values.sidecar.uid }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  staleAfter: {{ int64 .Values.sidecar.staleAfter }}
  logLevel: {{ .Values.sidecar.logLevel }}
  auditSizeLimit: {{ .Values.sidecar.auditSizeLimit | quote }}
control:
  listen: 0.0.0.0:8444
  url: {{ include "pg-airlock.controlUrl" . | quote }}
admission:
  listen: 0.0.0.0:8443
  mutatingConfiguration: {{ ternary (include "pg-airlock.fullname" .) "" $selfManaged | quote }}
  validatingConfiguration: {{ ternary (include "pg-airlock.fullname" .) "" $selfManaged | quote }}
certificates:
  {{- if $selfManaged }}
  source: SelfManaged
  secret: {{ include "pg-airlock.certificateName" . }}
  dnsNames: {{ include "pg-airlock.certificateHosts" . }}
  {{- else }}
  source: Files
  directory: /etc/pg-airlock/certificates
  {{- end }}
metrics:
  listen: 0.0.0.0:9633
leaderElection:
  lease: {{ include "pg-airlock.operatorName" . }}
logLevel: {{ .Values.operator.logLevel }}
{{- end }}
