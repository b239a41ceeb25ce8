package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestLocate: members go to the path, the query and the headers; labels are encoded as AWS clients encode them.
func TestLocate(t *testing.T) {
	user, qualifier := "alice", "prod"
	path, query, header, err := InvokeAgentRuntime.Locate(&InvokeAgentRuntimeRequest{Runtime: "arn:aws:x:runtime/a b", UserID: &user, Qualifier: &qualifier})
	if err != nil || path != "/runtimes/arn%3Aaws%3Ax%3Aruntime%2Fa%20b/invocations" || query.Encode() != "qualifier=prod" {
		t.Errorf("%s?%s, %v", path, query.Encode(), err)
	}
	if header.Get(HeaderRuntimeUser) != "alice" || len(header) != 1 {
		t.Errorf("headers are %v", header)
	}
	if _, _, _, err := InvokeAgentRuntime.Locate(&InvokeAgentRuntimeRequest{}); err == nil || !strings.Contains(err.Error(), "agentRuntimeArn is missing") {
		t.Errorf("without its label: %v", err)
	}
}

// TestLabelsHaveMembers: each label of a path is a member of the operation's input, and each member in the path has its
// label.
func TestLabelsHaveMembers(t *testing.T) {
	for _, op := range Operations() {
		in := RuntimeInput(op)
		if in == nil {
			if strings.Contains(op.Path, "{") {
				t.Errorf("%s has labels and no input shape", op.Name)
			}
			continue
		}
		labels := strings.Count(op.Path, "{")
		for _, m := range Located(in) {
			if m.Place != InPath {
				continue
			}
			if labels--; !strings.Contains(op.Path, "{"+m.Name+"}") {
				t.Errorf("%s has no label %s", op.Name, m.Name)
			}
		}
		if labels != 0 {
			t.Errorf("%s: labels and members differ by %d", op.Name, labels)
		}
	}
}

func TestMemberSet(t *testing.T) {
	type shape struct {
		Text   string  `json:"text" in:"query=t"`
		Number *int32  `json:"number" in:"query=n"`
		Other  *string `json:"other" in:"header=X-Other"`
	}
	var v shape
	all := Located(reflect.TypeFor[shape]())
	for i, text := range []string{"a", "7", ""} {
		if ex := all[i].Set(reflect.ValueOf(&v).Elem(), text); ex != nil {
			t.Error(ex)
		}
	}
	if v.Text != "a" || *v.Number != 7 || *v.Other != "" || !all[2].Sent(reflect.ValueOf(&v).Elem()) {
		t.Errorf("set %+v", v)
	}
	if ex := all[1].Set(reflect.ValueOf(&v).Elem(), "99999999999"); ex == nil || ex.Fields[0].Name != "number" {
		t.Errorf("a number that is none: %v", ex)
	}
}

func TestDateTime(t *testing.T) {
	at := time.Date(2031, 3, 14, 15, 9, 26, 535_000_000, time.FixedZone("", 3600))
	b, err := json.Marshal(DateTime(at))
	if err != nil || string(b) != `"2031-03-14T14:09:26.535Z"` {
		t.Errorf("%s, %v", b, err)
	}
	var back DateTime
	if err := json.Unmarshal(b, &back); err != nil || !time.Time(back).Equal(at) {
		t.Errorf("read %v, %v", time.Time(back), err)
	}
	if err := json.Unmarshal([]byte(`"yesterday"`), &back); err == nil {
		t.Error("yesterday was read")
	}
	if RuntimeClientError.Status() != http.StatusFailedDependency {
		t.Error("an agent's failure is no 424")
	}
}
