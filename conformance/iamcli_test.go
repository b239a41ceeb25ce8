//go:build conformance

package conformance_test

import (
	"strings"
	"testing"
)

// TestAWSCLIOverIAM is what an operator types: a user with a key, a role from a file, lists a page at a time, and who may do
// what.
func TestAWSCLIOverIAM(t *testing.T) {
	t.Parallel()
	c := cli{t, bench.Dev(t)}
	for _, name := range []string{"cli-one", "cli-two", "cli-three"} {
		c.run(nil, "iam", "create-user", "--user-name", name, "--path", "/cli/")
	}
	c.refused("EntityAlreadyExists", "iam", "create-user", "--user-name", "cli-one")
	var page struct {
		Users     []struct{ UserName string }
		NextToken string
	}
	list := []string{"iam", "list-users", "--path-prefix", "/cli/", "--max-items", "2", "--page-size", "1"}
	c.run(&page, list...)
	if len(page.Users) != 2 || page.NextToken == "" {
		t.Fatalf("the first page is %+v", page)
	}
	next := page.NextToken
	page.Users, page.NextToken = nil, ""
	c.run(&page, append(list, "--starting-token", next)...)
	if len(page.Users) != 1 || page.Users[0].UserName != "cli-two" || page.NextToken != "" { // names in their order
		t.Errorf("the second page is %+v", page)
	}

	c.run(nil, "iam", "put-user-policy", "--user-name", "cli-one", "--policy-name", "who", "--policy-document", *document(allow("iam:GetUser")))
	var simulated struct {
		EvaluationResults []struct{ EvalActionName, EvalDecision string }
	}
	c.run(&simulated, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::"+account+":user/cli/cli-one",
		"--action-names", "iam:GetUser", "iam:DeleteUser")
	if r := simulated.EvaluationResults; len(r) != 2 || r[0].EvalDecision != "allowed" || r[1].EvalDecision != "implicitDeny" {
		t.Errorf("the simulation says %+v", r)
	}
	c.refused("DeleteConflict", "iam", "delete-user", "--user-name", "cli-one")
	c.keyOfAUser()
}

// keyOfAUser makes a key, uses it, turns it off and sees it refused.
func (c cli) keyOfAUser() {
	c.t.Helper()
	var made struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	c.run(&made, "iam", "create-access-key", "--user-name", "cli-one")
	user := cli{c.t, c.server.Keyless("AWS_ACCESS_KEY_ID="+made.AccessKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+made.AccessKey.SecretAccessKey)}
	var who struct{ User struct{ Arn string } }
	user.run(&who, "iam", "get-user")
	if !strings.HasSuffix(who.User.Arn, ":user/cli/cli-one") {
		c.t.Errorf("the key is of %s", who.User.Arn)
	}
	c.run(nil, "iam", "update-access-key", "--user-name", "cli-one", "--access-key-id", made.AccessKey.AccessKeyID, "--status", "Inactive")
	user.refused("InvalidClientTokenId", "iam", "get-user")
}
