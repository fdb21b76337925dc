{{/*
The workers of a release as data: bkc.workers gives a list of
  component   market or account
  name        of the config map and service account: market, account-desk-1
  config      the config file, as text
  settings    the same, parsed
  pod         pod settings, those of the worker over those of all
  secrets     folder below /etc/bkc -> the secret that is mounted there
  deployments list of {name, labels, env, replicas}; replicas: 1 if it is not there
Fails with the value and the cure where they cannot be made.
*/}}
{{- define "bkc.workers" -}}
{{- $workers := list -}}
{{- if .Values.market.enabled -}}
{{- $worker := include "bkc.worker" (list . "market" "market" "market" .Values.market) | fromYaml -}}
{{- $deployments := list -}}
{{- $count := int .Values.market.shards -}}
{{- $replicas := ternary 2 1 .Values.market.standby -}}
{{- range $index := until $count -}}
{{- $env := dict "BKC_SHARD__INDEX" (toString $index) "BKC_SHARD__COUNT" (toString $count) -}}
{{- $processes := mul $count $replicas -}}
{{- if and $.Values.market.shareAddress (gt (int $processes) 1) -}}
{{- $whole := dig "limits" "share" 1.0 $worker.settings -}}
{{- $_ := set $env "BKC_LIMITS__SHARE" (divf $whole $processes | printf "%.4f") -}}
{{- end -}}
{{- if $.Values.market.standby -}}
{{- $_ := set $env "BKC_STANDBY" "true" -}}
{{- end -}}
{{- $deployments = append $deployments (dict "name" (printf "market-%d" $index) "labels" (dict "shard" (toString $index)) "env" $env "replicas" $replicas) -}}
{{- end -}}
{{- $workers = append $workers (set $worker "deployments" $deployments) -}}
{{- end -}}
{{- $writers := dict -}}
{{- range $name, $account := .Values.accounts -}}
{{- $worker := include "bkc.worker" (list $ "account" (printf "account-%s" $name) (printf "accounts.%s" $name) $account) | fromYaml -}}
{{- $writer := printf "%v %v" (dig "topics" "prefix" "" $worker.settings) (dig "instance" "account" $worker.settings) -}}
{{- with index $writers $writer -}}
{{- fail (printf "accounts.%s.config names its writer as accounts.%s does, so each would take over from the other: give it an instance of its own" $name .) -}}
{{- end -}}
{{- $_ := set $writers $writer $name -}}
{{- $deployment := dict "name" (printf "account-%s" $name) "labels" (dict "worker" $name) "env" dict -}}
{{- $workers = append $workers (set $worker "deployments" (list $deployment)) -}}
{{- end -}}
{{- if not $workers -}}{{- fail "nothing to run: set market.enabled, or name accounts" -}}{{- end -}}
{{- dict "workers" $workers | toYaml -}}
{{- end -}}

{{/* One worker without its deployments. Takes (root, component, name, place in values, its values). */}}
{{- define "bkc.worker" -}}
{{- $root := index . 0 -}}
{{- $place := index . 3 -}}
{{- $values := index . 4 -}}
{{- $config := $values.config -}}
{{- if kindIs "map" $config -}}{{- $config = toYaml $config -}}{{- end -}}
{{- if not $config -}}
{{- fail (printf "%s.config is empty: give the config file, e.g. --set-file %s.config=connector.yaml" $place $place) -}}
{{- end -}}
{{- $settings := fromYaml $config -}}
{{- if hasKey $settings "Error" -}}
{{- fail (printf "%s.config is no map in YAML: %s" $place $settings.Error) -}}
{{- end -}}
{{- $foreign := index (dict "market" "accounts" "account" "subscriptions") (index . 1) -}}
{{- if hasKey $settings $foreign -}}
{{- fail (printf "%s.config has %s: it is the file of the other worker; market.config has subscriptions, accounts.NAME.config has accounts" $place $foreign) -}}
{{- end -}}
{{- range $key, $cure := dict "server" (printf "pod.port sets the port") "shard" (printf "market.shards sets it") "standby" (printf "market.standby sets it") -}}
{{- if hasKey $settings $key -}}
{{- fail (printf "%s.config has %s, which the chart sets: leave it out; %s" $place $key $cure) -}}
{{- end -}}
{{- end -}}
{{- dict
  "component" (index . 1)
  "name" (index . 2)
  "config" $config
  "settings" $settings
  "pod" (mergeOverwrite (deepCopy $root.Values.pod) (deepCopy ($values.pod | default dict)))
  "secrets" ($values.secrets | default dict) | toYaml -}}
{{- end -}}

{{/* The components that have workers, and those workers: component -> list. */}}
{{- define "bkc.components" -}}
{{- $components := dict -}}
{{- range (include "bkc.workers" . | fromYaml).workers -}}
{{- $_ := set $components .component (append (index $components .component | default list) .) -}}
{{- end -}}
{{- $components | toYaml -}}
{{- end -}}
