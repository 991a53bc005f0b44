{{- define "noteyard.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "noteyard.users" -}}
{{- $users := .Values.users.namespace | default (printf "%s-users" (include "noteyard.name" .)) -}}
{{- /* All pods of the namespace are shut in by policies, which would cut Noteyard's own parts off. */ -}}
{{- if eq $users .Release.Namespace -}}
{{- fail (printf "users.namespace is %s, the release's own: people's pods need another. Set users.namespace, or install the release into another namespace" $users) -}}
{{- end -}}
{{ $users }}
{{- end }}

{{/* Labels of a component. Takes root and component. */}}
{{- define "noteyard.labels" -}}
app.kubernetes.io/name: noteyard
app.kubernetes.io/part-of: noteyard
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* What selects a component's pods; never changes over upgrades. */}}
{{- define "noteyard.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "noteyard.secret" -}}
{{ .Values.existingSecret | default (printf "%s-secrets" (include "noteyard.name" .)) }}
{{- end }}

{{- define "noteyard.databaseSecret" -}}
{{ .Values.database.existingSecret | default (printf "%s-database" (include "noteyard.name" .)) }}
{{- end }}

{{- define "noteyard.objectsSecret" -}}
{{ .Values.objects.existingSecret | default (printf "%s-objects" (include "noteyard.name" .)) }}
{{- end }}

{{- define "noteyard.hasObjectKeys" -}}
{{- if or .Values.objects.existingSecret .Values.objects.accessKey }}yes{{ end -}}
{{- end }}

{{- define "noteyard.loginSecret" -}}
{{- if .Values.login.existingSecret }}{{ .Values.login.existingSecret }}
{{- else if .Values.login.clientSecret }}{{ include "noteyard.name" . }}-login
{{- end }}
{{- end }}

{{/* Internal addresses, with the namespace: pods of people look them up from theirs. */}}
{{- define "noteyard.apiUrl" -}}
http://{{ include "noteyard.name" . }}-api.{{ .Release.Namespace }}:8000
{{- end }}
{{- define "noteyard.hubUrl" -}}
http://{{ include "noteyard.name" . }}-hub.{{ .Release.Namespace }}:8081
{{- end }}

{{/* noteyard.yaml: the values' settings, and what the chart knows better. */}}
{{- define "noteyard.settings" -}}
{{- $_ := required "settings.urls.hub is needed: the public URL of hub and portal, e.g. https://noteyard.example.org" .Values.settings.urls.hub -}}
{{- $_ := required "settings.urls.apps is needed: the public URL under which dashboards get hosts, e.g. https://apps.example.net" .Values.settings.urls.apps -}}
{{- range .Values.settings.profiles -}}
{{- $_ := required (printf "settings.profiles: the profile %s needs an image" .name) .image -}}
{{- end -}}
{{- $name := include "noteyard.name" . -}}
{{- $own := dict
  "shape" "kubernetes"
  "kubernetes" (mergeOverwrite (deepCopy (.Values.settings.kubernetes | default dict)) (dict
    "release" .Release.Name
    "namespace" (include "noteyard.users" .)
    "image_pull_policy" .Values.images.pullPolicy
    "image_pull_secrets" .Values.images.pullSecrets
    "mount" (include "noteyard.mountSettings" . | fromYaml)
    "sidecar_image" .Values.images.hub
    "addresses" (dict
      "api" (include "noteyard.apiUrl" .)
      "hub" (include "noteyard.hubUrl" .)
      "edge" (printf "http://%s-edge-internal.%s:8081" $name .Release.Namespace)
      "controller" "http://localhost:8001"
    )
  ))
-}}
{{- if .Values.edge.tlsSecret -}}
{{- $_ := set $own "tls" (dict "certificate" "/etc/noteyard/tls/tls.crt" "key" "/etc/noteyard/tls/tls.key") -}}
{{- end -}}
{{- if include "noteyard.loginSecret" . -}}
{{- $_ := set $own "login" (dict "client_secret_file" "/etc/noteyard/login/login-client-secret") -}}
{{- end -}}
{{ mergeOverwrite (deepCopy .Values.settings) $own | toYaml }}
{{- end }}

{{- define "noteyard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "noteyard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Spread over nodes and zones where there are several. Takes root and component. */}}
{{- define "noteyard.spread" -}}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "noteyard.selector" $ | nindent 6 }}
{{- end }}
{{- end }}

{{/* On which nodes Noteyard's own parts run. Takes root. */}}
{{- define "noteyard.placement" -}}
{{- with .Values.placement.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.placement.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Settings and secrets of the hub's image, where NOTEYARD_STATE looks for them. */}}
{{- define "noteyard.env" -}}
- name: NOTEYARD_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "noteyard.databaseSecret" . }}, key: database-url}}
- name: NOTEYARD_HUB_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "noteyard.databaseSecret" . }}, key: hub-database-url}}
{{- end }}

{{- define "noteyard.volumeMounts" -}}
- {name: state, mountPath: /var/lib/noteyard}
- {name: settings, mountPath: /var/lib/noteyard/noteyard.yaml, subPath: noteyard.yaml, readOnly: true}
- {name: secrets, mountPath: /var/lib/noteyard/secrets, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: tmp, mountPath: /home/noteyard}
{{- end }}

{{- define "noteyard.volumes" -}}
- name: state
  emptyDir: {}
- name: tmp
  emptyDir: {}
- name: settings
  configMap:
    name: {{ include "noteyard.name" . }}-settings
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "noteyard.secret" . }}
      {{- if include "noteyard.hasObjectKeys" . }}
      - secret:
          name: {{ include "noteyard.objectsSecret" . }}
      {{- end }}
{{- end }}

{{- define "noteyard.s3Secret" -}}
{{ .Values.s3.existingSecret | default (printf "%s-s3" (include "noteyard.name" .)) }}
{{- end }}

{{- define "noteyard.hasS3Keys" -}}
{{- if or .Values.s3.existingSecret .Values.s3.accessKey }}yes{{ end -}}
{{- end }}

{{/* Whether people's pods get data, from the API. */}}
{{- define "noteyard.givesData" -}}
{{- if (.Values.settings.s3 | default dict).team_url }}yes{{ end -}}
{{- end }}

{{/* What gets keys for people's data; no part but the API has it. */}}
{{- define "noteyard.brokerVolumes" -}}
{{- if include "noteyard.hasS3Keys" . }}
- name: s3-broker
  secret:
    secretName: {{ include "noteyard.s3Secret" . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.s3.keysSecret }}
- name: s3-keys
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "noteyard.brokerVolumeMounts" -}}
{{- if include "noteyard.hasS3Keys" . }}
- {name: s3-broker, mountPath: /var/lib/noteyard/s3-broker, readOnly: true}
{{- end }}
{{- if .Values.s3.keysSecret }}
- {name: s3-keys, mountPath: /var/lib/noteyard/s3-keys, readOnly: true}
{{- end }}
{{- end }}

{{/* Brings the database to this version's schema, and waits for it; under a lock, whichever pod comes first. */}}
{{- define "noteyard.migration" -}}
- name: migration
  image: {{ .Values.images.hub }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  command: [python, -m, noteyard.store]
  env: {{- include "noteyard.env" . | nindent 4 }}
  volumeMounts: {{- include "noteyard.volumeMounts" . | nindent 4 }}
  securityContext: {{- include "noteyard.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {memory: 512Mi}
{{- end }}

{{/* What pods of the hub's image have in common. Takes root, component, account. */}}
{{- define "noteyard.pod" -}}
serviceAccountName: {{ include "noteyard.name" .root }}-{{ .component }}
enableServiceLinks: false
securityContext: {{- include "noteyard.podSecurity" .root | nindent 2 }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
topologySpreadConstraints: {{- include "noteyard.spread" (dict "root" .root "component" .component) | nindent 2 }}
{{- include "noteyard.placement" .root }}
initContainers: {{- include "noteyard.migration" .root | nindent 2 }}
volumes:
  {{- include "noteyard.volumes" .root | nindent 2 }}
  {{- if eq .component "api" }}
  {{- include "noteyard.brokerVolumes" .root | indent 2 }}
  {{- end }}
  {{- if eq .component "hub" }}
  {{- with include "noteyard.loginSecret" .root }}
  - name: login
    secret: {secretName: {{ . }}, defaultMode: 0440}
  {{- end }}
  {{- end }}
{{- end }}

{{/* A part is restarted when what it reads has changed, and only then. Takes root, component. */}}
{{- define "noteyard.podAnnotations" -}}
{{- $read := include "noteyard.settings" .root | fromYaml -}}
{{- if eq .component "hub" -}}
{{- /* A restart of the hub keeps people from logging in: it is spared what it never looks at. */ -}}
{{- $read = omit $read "dashboards" "mail" "objects" "releases" "runs" "schedules" "webhooks" -}}
{{- end -}}
checksum/settings: {{ toJson $read | sha256sum }}
{{- if eq .component "hub" }}
checksum/login: {{ toJson .root.Values.login | sha256sum }}
{{- end }}
checksum/given-secrets: {{ printf "%s %s %s" (toJson .root.Values.database) (toJson .root.Values.objects) .root.Values.existingSecret | sha256sum }}
{{- end }}

{{- define "noteyard.mountNamespace" -}}
{{- $space := .Values.mount.namespace | default (printf "%s-s3-mount" (include "noteyard.name" .)) -}}
{{- if has $space (list .Release.Namespace (include "noteyard.users" .)) -}}
{{- fail (printf "mount.namespace is %s, where other pods are: the driver needs a namespace of its own. Set mount.namespace to another" $space) -}}
{{- end -}}
{{ $space }}
{{- end }}

{{/* The CSI driver's name, which is the cluster's: no two releases share one. At most 63 characters. */}}
{{- define "noteyard.mountDriver" -}}
s3-{{ printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8 }}.{{ include "noteyard.name" . }}.noteyard
{{- end }}

{{/* Whether there are folders to mount, and the driver for it is wanted. */}}
{{- define "noteyard.hasMount" -}}
{{- if and .Values.mount.enabled (include "noteyard.givesData" .) }}yes{{ end -}}
{{- end }}

{{/* What the spawner and the runs' Jobs need to know of the mount. */}}
{{- define "noteyard.mountSettings" -}}
{{- if include "noteyard.hasMount" . -}}
{{- with .Values.mount -}}
driver: {{ include "noteyard.mountDriver" $ }}
image: {{ $.Values.images.mount }}
cache_size: {{ .cacheSize }}
{{- with .resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Whom a network policy lets through: a network, or pods. Takes peer, and option for what to say without either. */}}
{{- define "noteyard.peer" -}}
{{- with .peer -}}
{{- if .cidr -}}
- ipBlock: {cidr: {{ .cidr | quote }}}
{{- else -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ required (printf "%s: each needs a cidr, or a namespace" $.option) .namespace }}
  podSelector:
    matchLabels: {{- toYaml (.labels | default dict) | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}
