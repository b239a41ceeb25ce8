package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// pythonProbe asks botocore itself which operations it knows. The current directory is taken off the path first: examining
// a directory must not run what lies in it.
const pythonProbe = `
import sys, json
sys.path = [p for p in sys.path if p]
out = {"python": sys.version.split()[0]}
try:
    import botocore, botocore.session
    out["botocore"] = botocore.__version__
    s = botocore.session.Session()
    data, control = s.get_service_model("bedrock-agentcore"), s.get_service_model("bedrock-agentcore-control")
    out["operations"] = list(data.operation_names) + list(control.operation_names)
    out["members"] = list(data.operation_model("GetResourceOauth2Token").input_shape.members)
except ImportError:
    pass
except Exception as e:
    out["error"] = type(e).__name__
print(json.dumps(out))
`

// What a botocore must know to use AgentCore Identity.
var (
	pythonOperations = []string{"GetWorkloadAccessTokenForUserId", "GetResourceOauth2Token", "CompleteResourceTokenAuth", "CreateWorkloadIdentity", "CreateOauth2CredentialProvider"}
	pythonMembers    = []string{"sessionUri", "customState", "resourceOauth2ReturnUrl"}
)

// sdkBotocore is what the bedrock-agentcore SDK asks for.
var sdkBotocore = [3]int{1, 43, 72}

func runPython(ctx context.Context, script string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "python3", "-c", script).Output()
}

// checkPython tells Python users whether their boto3 knows the operations.
func (d *doctor) checkPython(ctx context.Context) {
	raw, err := d.python(ctx, pythonProbe)
	if errors.Is(err, exec.ErrNotFound) {
		d.add(note, "python", "there is no python3 here; only Python clients need it", "")
		return
	}
	var found struct {
		Python, Botocore, Error string
		Operations, Members     []string
	}
	if err != nil || json.Unmarshal(raw, &found) != nil {
		d.add(note, "python", "python3 did not answer; only Python clients need it", "")
		return
	}
	const upgrade = "pip install --upgrade 'boto3>=1.43.72'"
	missing := append(lacking(pythonOperations, found.Operations), lacking(pythonMembers, found.Members)...)
	switch {
	case found.Botocore == "" && found.Error == "":
		d.add(note, "python", "Python "+found.Python+" has no boto3; only Python clients need it", upgrade)
	case found.Error != "" || len(missing) > 0:
		d.add(doubt, "python", "boto3 "+found.Botocore+" is too old for AgentCore Identity; it lacks "+someOf(missing), upgrade)
	case older(found.Botocore, sdkBotocore):
		d.add(doubt, "python", "boto3 "+found.Botocore+" has the operations, but the bedrock-agentcore SDK asks for 1.43.72 or later", upgrade)
	default:
		d.add(fine, "python", "boto3 "+found.Botocore+" has the operations", "")
	}
}

func lacking(wanted, there []string) []string {
	has := map[string]bool{}
	for _, s := range there {
		has[s] = true
	}
	var missing []string
	for _, s := range wanted {
		if !has[s] {
			missing = append(missing, s)
		}
	}
	return missing
}

// older compares a dotted version. One that cannot be read is not called old.
func older(version string, than [3]int) bool {
	var v [3]int
	if n, _ := fmt.Sscanf(strings.SplitN(version, "-", 2)[0], "%d.%d.%d", &v[0], &v[1], &v[2]); n != 3 {
		return false
	}
	for i := range v {
		if v[i] != than[i] {
			return v[i] < than[i]
		}
	}
	return false
}
