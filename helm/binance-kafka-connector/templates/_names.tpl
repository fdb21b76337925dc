{{/* Names, labels and the image. */}}

{{- define "bkc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "bkc.fullname" -}}
{{- $name := include "bkc.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component: labels that never change. Takes (root, component). */}}
{{- define "bkc.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "bkc.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of an object. Takes (root, component). */}}
{{- define "bkc.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "bkc.selector" . | fromYaml -}}
{{- $own = merge $own (dict
  "app.kubernetes.io/version" ($root.Chart.AppVersion | toString)
  "app.kubernetes.io/managed-by" $root.Release.Service
  "app.kubernetes.io/part-of" $root.Chart.Name
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")) -}}
{{- merge $own (deepCopy $root.Values.commonLabels) | toYaml -}}
{{- end -}}

{{/* The metadata of an object. Takes (root, component, name, annotations of its own). */}}
{{- define "bkc.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "bkc.labels" (list $root (index . 1)) | nindent 2 }}
{{- with merge (deepCopy (index . 3)) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "bkc.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository: where is the image? The project publishes none: build it (make image), push it, and name it here" $image.repository -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
{{ $repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}
