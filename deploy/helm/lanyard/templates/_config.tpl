{{/* lanyard.yaml: what follows from the values, and over it what config says. */}}
{{- define "lanyard.config" -}}
{{- $v := .Values.lanyard -}}
{{- $c := dict "listen" "0.0.0.0:8585" "public_url" (include "lanyard.endpoint" .) "account" .Values.account "region" .Values.region -}}
{{- $_ := set $c "database" (dict "postgres" (include "lanyard.databaseURL" .)) -}}
{{- if eq (empty $v.rootKey.secret.name) (empty $v.rootKey.awsKms) }}{{ fail "lanyard.rootKey: set exactly one of secret.name (a secret with the file that `lanyard admin root-key create root.key` makes) and awsKms (a key's ARN)" }}{{ end -}}
{{- $_ := set $c "root_key" (ternary (dict "aws_kms" $v.rootKey.awsKms) (dict "file" "/keys/root.key") (empty $v.rootKey.secret.name)) -}}
{{- if $v.tls.secretName }}{{ $_ := set $c "tls" (dict "cert_file" "/tls/tls.crt" "key_file" "/tls/tls.key") }}
{{- else if not (or $v.proxies (hasKey $v.config "insecure_http")) }}{{ fail "lanyard.tls: name a certificate (tls.secretName), or the proxies that end TLS (proxies: their addresses)" }}{{ end -}}
{{- if $v.proxies }}{{ $_ := set $c "proxies" $v.proxies }}{{ end -}}
{{- if $v.metrics.enabled }}{{ $_ := set $c "metrics_listen" (printf "0.0.0.0:%d" (int $v.metrics.port)) }}{{ end -}}
{{- $_ := set $c "audit" (dict "journal" "/journal/audit") -}}
{{- if .Values.trust.configMap }}{{ $_ := set $c "egress" (dict "ca_file" "/trust/ca.crt") }}{{ end -}}
{{- toYaml (mergeOverwrite $c (deepCopy $v.config)) -}}
{{- end }}

{{- define "lanyard.databaseURL" -}}
{{- $d := .Values.lanyard.database -}}
{{- if eq (empty $d.url) (empty $d.connectionSecret.name) }}{{ fail "lanyard.database: set exactly one of url (postgres://lanyard@db/lanyard?sslmode=verify-full) and connectionSecret.name" }}{{ end -}}
{{- if $d.connectionSecret.name }}postgres://?sslmode={{ $d.sslmode }}{{ else }}{{ $d.url }}{{ end -}}
{{- end }}

{{- define "lanyard.frontDoorConfig" -}}
{{- $v := .Values.frontDoor -}}
{{- if not $v.publicUrls }}{{ fail "frontDoor.publicUrls is missing: write the https URL at which browsers reach the front door" }}{{ end -}}
{{- $c := dict "listen" "0.0.0.0:8443" "keys_listen" "0.0.0.0:8081" "public_urls" $v.publicUrls "state_dir" "/state/front-door" "signer" $v.signer -}}
{{- $oidc := dict "issuer" (required "frontDoor.oidc.issuer is missing: write the value of the iss claim" $v.oidc.issuer) "client_id" (required "frontDoor.oidc.clientId is missing: register a client at the issuer" $v.oidc.clientId) -}}
{{- if $v.oidc.clientSecret.name }}{{ $_ := set $oidc "client_secret_file" "/secrets/client-secret" }}{{ end -}}
{{- $_ := set $c "oidc" $oidc -}}
{{- if $v.tls.secretName }}{{ $_ := set $c "tls" (dict "cert_file" "/tls/tls.crt" "key_file" "/tls/tls.key") }}
{{- else if not $v.trustedProxies }}{{ fail "frontDoor.tls: name a certificate (tls.secretName), or the proxies that end TLS (trustedProxies: their addresses)" }}{{ end -}}
{{- if $v.trustedProxies }}{{ $_ := set $c "trusted_proxies" $v.trustedProxies }}{{ end -}}
{{- $shared := "" -}}
{{- if $v.sharedKeys.secretName }}{{ $shared = "/shared-keys" }}{{ else if $v.sharedKeys.claimName }}{{ $shared = "/shared-keys/front-door" }}{{ end -}}
{{- if $shared }}{{ $_ := set $c "keys" (dict "signing_file" (printf "%s/signing-keys.json" $shared) "cookie_file" (printf "%s/cookie-keys.json" $shared)) }}
{{- else if gt (int $v.replicas) 1 }}{{ fail "frontDoor.sharedKeys: several replicas share their keys; set secretName or claimName, or replicas: 1" }}{{ end -}}
{{- $_ := set $c "rules" ($v.rules | default (include "lanyard.frontDoorRules" . | fromYamlArray)) -}}
{{- if .Values.trust.configMap }}{{ $_ := set $c "egress" (dict "ca_file" "/trust/ca.crt") }}{{ $_ := set $c "backend" (dict "ca_file" "/trust/ca.crt") }}{{ end -}}
{{- toYaml (mergeOverwrite $c (deepCopy $v.config)) -}}
{{- end }}

{{- define "lanyard.frontDoorRules" -}}
{{- if not (or .Values.agent.enabled .Values.sessionBinding.enabled) }}{{ fail "frontDoor.rules is missing: say where requests go, or enable the agent" }}{{ end -}}
{{- if .Values.agent.enabled }}
- path: /
  backend: http://{{ include "lanyard.name" (list . "agent") }}.{{ .Release.Namespace }}.svc:{{ .Values.agent.port }}
- path: /ping
  backend: http://{{ include "lanyard.name" (list . "agent") }}.{{ .Release.Namespace }}.svc:{{ .Values.agent.port }}
  public: true
{{- end }}
{{- if .Values.sessionBinding.enabled }}
- path: /oauth2/session-binding
  backend: {{ ternary "https" "http" (not (empty .Values.sessionBinding.tls.secretName)) }}://{{ include "lanyard.name" (list . "session-binding") }}.{{ .Release.Namespace }}.svc:8587
{{- end }}
{{- end }}

{{- define "lanyard.bindingConfig" -}}
{{- $v := .Values.sessionBinding -}}
{{- $c := dict "listen" "0.0.0.0:8587" "endpoint" (include "lanyard.endpoint" .) "region" .Values.region "environment" .Release.Namespace -}}
{{- $_ := set $c "signer" (include "lanyard.signer" .) -}}
{{- $_ := set $c "client" (include "lanyard.signerClient" .) -}}
{{- $_ := set $c "issuer" (include "lanyard.signerIssuer" .) -}}
{{- $_ := set $c "keys_url" (include "lanyard.signerKeys" .) -}}
{{- if $v.stateKeySecret.name }}{{ $_ := set $c "state_key_file" "/keys/nonce.key" }}{{ end -}}
{{- if $v.tls.secretName }}{{ $_ := set $c "tls" (dict "cert_file" "/tls/tls.crt" "key_file" "/tls/tls.key") }}
{{- else if not .Values.networkPolicy.enabled }}{{ fail "sessionBinding.tls.secretName is missing: without NetworkPolicies anybody in the cluster reaches its plain http" }}
{{- else }}{{ $_ := set $c "insecure_http" true }}{{ end -}}
{{- toYaml (mergeOverwrite $c (deepCopy $v.config)) -}}
{{- end }}
