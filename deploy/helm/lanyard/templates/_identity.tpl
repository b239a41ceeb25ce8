{{/* Who signs people in, as the services behind it compare it. */}}
{{- define "lanyard.signer" -}}
{{- if .Values.frontDoor.enabled }}{{ .Values.frontDoor.signer }}{{ else }}{{ required "loadBalancer.signer is missing: write the load balancer's ARN, or enable the front door" .Values.loadBalancer.signer }}{{ end -}}
{{- end }}
{{- define "lanyard.signerClient" -}}
{{- if .Values.frontDoor.enabled }}{{ .Values.frontDoor.oidc.clientId }}{{ else }}{{ required "loadBalancer.client is missing: write the client id with which the load balancer signs people in" .Values.loadBalancer.client }}{{ end -}}
{{- end }}
{{- define "lanyard.signerIssuer" -}}
{{- if .Values.frontDoor.enabled }}{{ .Values.frontDoor.oidc.issuer }}{{ else }}{{ required "loadBalancer.issuer is missing: write the issuer at which the load balancer signs people in" .Values.loadBalancer.issuer }}{{ end -}}
{{- end }}
{{- define "lanyard.signerKeys" -}}
{{- if .Values.frontDoor.enabled }}{{ include "lanyard.appURL" . }}/oauth2/public-keys{{ else }}https://public-keys.auth.elb.{{ required "loadBalancer.awsRegion is missing: it tells where the load balancer's keys are" .Values.loadBalancer.awsRegion }}.amazonaws.com{{ end -}}
{{- end }}
{{- define "lanyard.appURL" -}}
{{- if .Values.frontDoor.enabled }}{{ required "frontDoor.publicUrls is missing: write the https URL at which browsers reach the front door" (first .Values.frontDoor.publicUrls) | trimSuffix "/" }}
{{- else }}{{ required "loadBalancer.publicUrl is missing: write the https URL at which browsers reach the load balancer" .Values.loadBalancer.publicUrl | trimSuffix "/" }}{{ end -}}
{{- end }}

{{- define "lanyard.endpoint" -}}
{{- required "lanyard.publicUrl is missing: write the https URL at which browsers, agents and services reach it" .Values.lanyard.publicUrl | trimSuffix "/" -}}
{{- end }}

{{/* Lanyard's credentials: a role opened by the service account's token, or an access key. (list . values "part") */}}
{{- define "lanyard.credentials" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
{{- if and $values.roleArn $values.accessKeySecret }}{{ fail (printf "%s: set roleArn or accessKeySecret, not both: an access key would win over the role" (index . 3)) }}{{ end -}}
{{- if not (or $values.roleArn $values.accessKeySecret) }}{{ fail (printf "%s: set roleArn (keyless, see docs/keyless.md) or accessKeySecret" (index . 3)) }}{{ end -}}
{{- if and $values.cloudIdentity (not $values.roleArn) }}{{ fail (printf "%s: cloudIdentity needs roleArn, because an access key would be the cloud's too" (index . 3)) }}{{ end -}}
- {name: AWS_ENDPOINT_URL_BEDROCK_AGENTCORE, value: {{ include "lanyard.endpoint" $root | quote }}}
- {name: AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL, value: {{ include "lanyard.endpoint" $root | quote }}}
{{- if $values.cloudIdentity }}
- {name: AWS_CONFIG_FILE, value: /etc/lanyard/aws-config}
- {name: IDENTITY_AWS_PROFILE, value: lanyard}
{{- else }}
- {name: AWS_ENDPOINT_URL_STS, value: {{ include "lanyard.endpoint" $root | quote }}}
- {name: AWS_EC2_METADATA_DISABLED, value: "true"}
{{- if $values.roleArn }}
- {name: AWS_ROLE_ARN, value: {{ $values.roleArn | quote }}}
- {name: AWS_ROLE_SESSION_NAME, value: {{ index . 2 | quote }}}
- {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /var/run/lanyard/token}
{{- else }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $values.accessKeySecret }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $values.accessKeySecret }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end }}
{{- end }}
{{- end }}

{{/* A token for one audience, renewed by the kubelet. It opens no door of the cluster. */}}
{{- define "lanyard.tokenVolume" -}}
{{- if .roleArn }}
- name: token
  projected:
    defaultMode: 0440
    sources: [{serviceAccountToken: {audience: lanyard, expirationSeconds: 3600, path: token}}]
{{- end }}
{{- end }}
{{- define "lanyard.tokenMount" -}}
{{- if .roleArn }}
- {name: token, mountPath: /var/run/lanyard, readOnly: true}
{{- end }}
{{- end }}
