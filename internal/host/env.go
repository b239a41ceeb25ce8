package host

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// ownVariable tells whether a variable is the host's to set for each session. A spec that set one could send an agent's
// role credentials to another session's endpoint, or have it look for the machine's own.
func ownVariable(name string) bool {
	switch name {
	case "HOME", "HOST", "PORT", "TMPDIR", markerVariable, "DOCKER_CONTAINER", "AWS_EC2_METADATA_DISABLED",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE":
		return true
	}
	return false
}

// markerVariable is in the environment of every agent, so that what a killed host left is found.
const markerVariable = "LANYARD_HOST_ID"

// environment makes an agent's environment from nothing: the host's own never reaches it (A47).
func (h *Host) environment(spec *hostlink.Spec, p *process) []string {
	vars := map[string]string{
		"LANG": "C.UTF-8", "PATH": h.cfg.Path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
		"AWS_REGION": h.cfg.Region, "AWS_DEFAULT_REGION": h.cfg.Region,
	}
	for _, m := range []map[string]string{h.cfg.Variables, h.modelVariables(p), spec.Environment} {
		for name, value := range m {
			if !ownVariable(name) {
				vars[name] = value
			}
		}
	}
	if p.venv != "" {
		vars["VIRTUAL_ENV"] = p.venv
		vars["PATH"] = filepath.Join(p.venv, "bin") + ":" + vars["PATH"]
	}
	vars["HOME"], vars["TMPDIR"] = p.home, filepath.Join(p.home, "tmp")
	vars["PORT"] = p.portText()
	vars[markerVariable] = h.mark(p)
	vars["HOST"] = "127.0.0.1"     // where frameworks listen that would otherwise take every interface
	vars["DOCKER_CONTAINER"] = "1" // the SDK then insists on the workload access token that comes with a request
	vars["AWS_EC2_METADATA_DISABLED"] = "true"
	if spec.RoleARN != "" {
		vars["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = h.credentials.url()
		vars["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = p.token
	}
	return pairs(vars)
}

func pairs(vars map[string]string) []string {
	out := make([]string, 0, len(vars))
	for name, value := range vars {
		if value == "" && (name == "PORT" || name == "AWS_REGION" || name == "AWS_DEFAULT_REGION") {
			continue
		}
		if !strings.ContainsRune(value, 0) {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}
