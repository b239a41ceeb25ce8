{{/* The name of one part: the release's, and for parts beside Lanyard a suffix. (list . "agent") */}}
{{- define "lanyard.name" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- $base := ternary $root.Release.Name (printf "%s-lanyard" $root.Release.Name) (contains "lanyard" $root.Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- if eq $part "lanyard" }}{{ $base }}{{ else }}{{ $base }}-{{ $part }}{{ end -}}
{{- end }}

{{- define "lanyard.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: lanyard
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "lanyard.match" -}}
{{- $root := index . 0 -}}
{app.kubernetes.io/name: lanyard, app.kubernetes.io/instance: {{ $root.Release.Name }}, app.kubernetes.io/component: {{ index . 1 }}}
{{- end }}

{{- define "lanyard.meta" -}}
{{- $root := index . 0 -}}
name: {{ include "lanyard.name" . }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "lanyard.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{/* (list . image "key of the values") */}}
{{- define "lanyard.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- $repository := required (printf "%s.repository is missing: push the image built from deploy/Dockerfile to your registry, and name it here" (index . 2)) $image.repository -}}
{{- if $image.digest }}{{ $repository }}@{{ $image.digest }}{{ else }}{{ $repository }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* Nobody's user, a group by which volumes are shared, and no token of the cluster's API. The volume's files keep their
modes once its root is right: what others could write is refused by those who read it. */}}
{{- define "lanyard.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "lanyard.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
{{- end }}

{{/* (list . values-of-the-part "part") */}}
{{- define "lanyard.placement" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {{ include "lanyard.match" (list $root (index . 2)) }}}
{{- end }}

{{/* Keys are owned by their reader and by nobody else: secrets come with a group, so they are copied in memory first. */}}
{{- define "lanyard.copyKeys" -}}
- name: keys
  image: {{ .Values.initImage }}
  command: [sh, -c, "umask 077 && cp /mounted/* /keys/"]
  {{- include "lanyard.containerSecurity" . | nindent 2 }}
  resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {memory: 32Mi}}
  volumeMounts:
    - {name: mounted-keys, mountPath: /mounted, readOnly: true}
    - {name: keys, mountPath: /keys}
{{- end }}

{{/* A list of (dict "name" secret "key" key "path" file). */}}
{{- define "lanyard.keyVolumes" -}}
- name: keys
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: mounted-keys
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: {{ .path }}}]}
      {{- end }}
{{- end }}

{{- define "lanyard.trustVolume" -}}
{{- if .Values.trust.configMap }}
- name: trust
  configMap: {name: {{ .Values.trust.configMap }}, items: [{key: {{ .Values.trust.key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- define "lanyard.trustMount" -}}
{{- if .Values.trust.configMap }}
- {name: trust, mountPath: /trust, readOnly: true}
{{- end }}
{{- end }}
{{- define "lanyard.trustVariable" -}}
{{- if .Values.trust.configMap }}
- {name: SSL_CERT_FILE, value: /trust/ca.crt}
{{- end }}
{{- end }}

{{- define "lanyard.variables" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- define "lanyard.ingress" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}{{- $values := index . 2 -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "lanyard.meta" (list $root $part) | nindent 2 }}
  {{- with $values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $values.className }}
  ingressClassName: {{ . }}
  {{- end }}
  rules:
    {{- range index . 3 }}
    - host: {{ (urlParse .).hostname }}
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: {{ include "lanyard.name" (list $root $part) }}, port: {name: https}}}}]}
    {{- end }}
  {{- if $values.tlsSecret }}
  tls:
    - secretName: {{ $values.tlsSecret }}
      hosts:
        {{- range index . 3 }}
        - {{ (urlParse .).hostname }}
        {{- end }}
  {{- end }}
{{- end }}

{{- define "lanyard.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "lanyard.meta" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector: {matchLabels: {{ include "lanyard.match" . }}}
{{- end }}

{{- define "lanyard.serviceAccount" -}}
{{- $root := index . 0 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "lanyard.meta" (list $root (index . 1)) | nindent 2 }}
  {{- with index . 2 }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
