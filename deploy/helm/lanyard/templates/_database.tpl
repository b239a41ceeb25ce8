{{/* PostgreSQL's own variables: the password is in no configuration. */}}
{{- define "lanyard.databaseVariables" -}}
{{- $ways := 0 -}}
{{- range list .passwordSecret.name .passfileSecret.name .connectionSecret.name }}{{ if . }}{{ $ways = add1 $ways }}{{ end }}{{ end -}}
{{- if gt (int $ways) 1 }}{{ fail "lanyard.database: set one of passwordSecret, passfileSecret and connectionSecret; a certificate or the network's own authentication needs none" }}{{ end -}}
{{- with .passwordSecret }}{{ if .name }}
- {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}}
{{- end }}{{ end }}
{{- with .passfileSecret }}{{ if .name }}
- {name: PGPASSFILE, value: /keys/pgpass}
{{- end }}{{ end }}
{{- with .connectionSecret }}{{ if .name }}{{ $secret := .name }}
{{- range $variable, $key := .keys }}
- {name: {{ $variable }}, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}}}
{{- end }}{{ end }}{{ end }}
{{- if .caSecret.name }}
- {name: PGSSLROOTCERT, value: /database-ca/ca.crt}
{{- end }}
{{- end }}
