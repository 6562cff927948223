{{- define "promring.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "promring.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "promring.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "promring.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "promring.selectorLabels" -}}
app.kubernetes.io/name: {{ include "promring.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "promring.labels" -}}
{{ include "promring.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "promring.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "promring.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "promring.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The name of the secret with Kafka's password; empty without one. */}}
{{- define "promring.passwordSecret" -}}
{{- if .Values.kafka.existingSecret }}
{{- .Values.kafka.existingSecret }}
{{- else if .Values.kafka.password }}
{{- printf "%s-kafka" (include "promring.fullname" .) }}
{{- end }}
{{- end }}

{{/* promring's YAML file: `config`, and what other values ask for. */}}
{{- define "promring.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $web := dict "listen_address" ":9797" }}
{{- if .Values.web.existingSecret }}
{{- $_ := set $web "config_file" "/run/secrets/promring-web/web.yaml" }}
{{- $_ := set $web "probe_listen_address" (printf ":%d" (int .Values.web.probePort)) }}
{{- end }}
{{- $_ := set $config "web" (merge $web (default dict $config.web)) }}
{{- $properties := dict }}
{{- if include "promring.passwordSecret" . }}
{{- $_ := set $properties "sasl.password" (dict "file" "/run/secrets/promring-kafka/password") }}
{{- end }}
{{- if .Values.kafka.caSecret }}
{{- $_ := set $properties "ssl.ca.location" "/run/secrets/promring-kafka-ca/ca.crt" }}
{{- end }}
{{- if $properties }}
{{- $_ := set $config.kafka "properties" (merge $properties (default dict $config.kafka.properties)) }}
{{- end }}
{{- if .Values.deliveryState.existingClaim }}
{{- $_ := set $config "delivery" (merge (dict "state" "/var/lib/promring") (default dict $config.delivery)) }}
{{- end }}
{{- toYaml $config }}
{{- end }}
