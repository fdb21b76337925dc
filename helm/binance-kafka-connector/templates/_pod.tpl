{{/* Names of environment variables that the chart sets; users may not. */}}
{{- define "bkc.env" -}}
{{- $worker := index . 0 -}}
{{- $own := merge (dict
  "BKC_CONFIG_FILE" "/etc/bkc/config/connector.yaml"
  "BKC_SERVER__PORT" (int $worker.pod.port | toString)) (index . 1) -}}
{{- range $name, $_ := $worker.pod.env -}}
{{- if hasKey $own $name -}}
{{- fail (printf "pod.env has %s, which the chart sets: leave it out" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := merge $own (deepCopy $worker.pod.env) }}
- name: {{ $name }}
{{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
{{- else }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A probe: an answer of the worker itself. Takes (path, timings). */}}
{{- define "bkc.probe" -}}
httpGet: {path: {{ index . 0 }}, port: http}
{{- toYaml (index . 1) | nindent 0 }}
{{- end -}}

{{/* Where pods of a component go: apart from one another, if that is possible. Takes (root, worker). */}}
{{- define "bkc.spread" -}}
{{- $worker := index . 1 -}}
{{- if $worker.pod.topologySpreadConstraints -}}
{{- toYaml $worker.pod.topologySpreadConstraints -}}
{{- else -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "bkc.selector" (list (index $ 0) $worker.component) | nindent 6 }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* What every pod of the chart has, the hooks' too. Takes (root, pod settings). */}}
{{- define "bkc.podBase" -}}
{{- $pod := index . 1 -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with (index . 0).Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $pod.securityContext | nindent 2 }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $pod $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if not (kindIs "invalid" $pod.hostUsers) }}
hostUsers: {{ $pod.hostUsers }}
{{- end }}
{{- end -}}

{{/*
Pods of one deployment on two nodes, if that is possible; required would stop an upgrade where there
is no third node. Takes (root, worker, deployment).
*/}}
{{- define "bkc.apart" -}}
{{- $worker := index . 1 -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "bkc.selector" (list (index . 0) $worker.component) | nindent 12 }}
            {{- toYaml (index . 2).labels | nindent 12 }}
{{- end -}}

{{/* The pod of a worker. Takes (root, worker, deployment). */}}
{{- define "bkc.podSpec" -}}
{{- $root := index . 0 -}}
{{- $worker := index . 1 -}}
{{- $pod := $worker.pod -}}
{{- if and (gt (int ((index . 2).replicas | default 1)) 1) (not $pod.affinity) -}}
{{- $pod = set (deepCopy $pod) "affinity" (include "bkc.apart" . | fromYaml) -}}
{{- end -}}
{{- include "bkc.podBase" (list $root $pod) }}
serviceAccountName: {{ include "bkc.serviceAccountName" (list $root $worker) }}
terminationGracePeriodSeconds: {{ int $pod.terminationGracePeriodSeconds }}
topologySpreadConstraints:
  {{- include "bkc.spread" (list $root $worker) | trim | nindent 2 }}
containers:
  - name: connector
    image: {{ include "bkc.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [run, {{ $worker.component }}]
    env:
      {{- include "bkc.env" (list $worker (index . 2).env) | trim | nindent 6 }}
    {{- with $pod.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - {name: http, containerPort: {{ int $pod.port }}, protocol: TCP}
    startupProbe:
      {{- include "bkc.probe" (list "/startupz" $pod.startupProbe) | nindent 6 }}
    livenessProbe:
      {{- include "bkc.probe" (list "/livez" $pod.livenessProbe) | nindent 6 }}
    readinessProbe:
      {{- include "bkc.probe" (list "/readyz" $pod.readinessProbe) | nindent 6 }}
    resources:
      {{- toYaml $pod.resources | nindent 6 }}
    {{- with $pod.resizePolicy }}
    resizePolicy:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- toYaml $pod.containerSecurityContext | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/bkc/config, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- range $folder, $_ := $worker.secrets }}
      - {name: secret-{{ $folder }}, mountPath: /etc/bkc/{{ $folder }}, readOnly: true}
      {{- end }}
      {{- with $pod.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "bkc.fullname" $root }}-{{ $worker.name }}}
  - name: tmp
    emptyDir: {sizeLimit: {{ $pod.temporaryStorage }}}
  {{- range $folder, $secret := $worker.secrets }}
  - name: secret-{{ $folder }}
    secret:
      # Root's, readable by the pod's group: the connector refuses key files that others can read.
      {{- toYaml (merge (dict "secretName" $secret.existingSecret "defaultMode" 288) (omit $secret "existingSecret")) | nindent 6 }}
  {{- end }}
  {{- with $pod.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "bkc.serviceAccountName" -}}
{{- $worker := index . 1 -}}
{{- $account := $worker.pod.serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (printf "%s-%s" (include "bkc.fullname" (index . 0)) $worker.name) -}}
{{- else -}}
{{- $account.name | default "default" -}}
{{- end -}}
{{- end -}}
