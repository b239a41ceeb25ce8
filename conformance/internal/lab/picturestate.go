package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// The services of the picture that others keep what they know in: the identity provider, the object store, the database.

// keycloak is a program with a data directory of its own, into which the picture's realm is imported at its start.
func (p *Picture) keycloak(t testing.TB) []string {
	t.Helper()
	home, err := p.l.component("keycloak", "current")
	home = must(t, home, err)
	own := p.path("keycloak")
	if err := os.CopyFS(filepath.Join(own, "bin"), os.DirFS(filepath.Join(home, "bin"))); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"lib", "conf", "providers", "themes"} {
		if err := os.Symlink(filepath.Join(home, part), filepath.Join(own, part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFile(p.path("compose/keycloak-realm.json"), filepath.Join(own, "data", "import", "agents-realm.json")); err != nil {
		t.Fatal(err)
	}
	s := p.Service(t, "keycloak")
	// What it has committed is on the disk, as in any database that it is operated with.
	s.env = append(s.env, "KC_DB_URL=jdbc:h2:file:"+own+"/data/db;NON_KEYWORDS=VALUE;WRITE_DELAY=0", "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1")
	s.command = append([]string{s.command[0], "--optimized"}, s.command[1:]...)
	return []string{"sh", filepath.Join(own, "bin", "kc.sh")}
}

// TokensLive sets for how many seconds the access tokens are good that the identity provider issues from now on.
func (p *Picture) TokensLive(t testing.TB, seconds int) {
	t.Helper()
	token := p.keycloakAdmin(t)
	body := strings.NewReader(fmt.Sprintf(`{"accessTokenLifespan": %d}`, seconds))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL("keycloak")+"/admin/realms/agents", body)
	r = must(t, r, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	p.fetch(t, r)
}

func (p *Picture) keycloakAdmin(t testing.TB) (token string) {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {p.Setting("KEYCLOAK_ADMIN_PASSWORD")}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL("keycloak")+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	r = must(t, r, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(p.fetch(t, r), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken
}

func (p *Picture) fetch(t testing.TB, r *http.Request) []byte {
	t.Helper()
	res, err := p.Transport(t).RoundTrip(r)
	res = must(t, res, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s\n%s", r.Method, r.URL, res.Status, body)
	}
	return must(t, body, err)
}

// objects is the program of the picture's object store with its own arguments, on a directory of this run. A bucket is a
// directory in it.
func (p *Picture) objects(t testing.TB) []string {
	t.Helper()
	s, dir := p.Service(t, "objects"), p.path("objects")
	name, version, _ := strings.Cut(path.Base(s.image), ":")
	program, err := p.l.component(name, version, name)
	program = must(t, program, err)
	if err := os.MkdirAll(filepath.Join(dir, "conversations"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, word := range s.command {
		switch word {
		case ":7070":
			s.command[i] = s.at
		case "/objects":
			s.command[i] = dir
		}
	}
	return []string{program}
}

// ObjectStore is the agent's access to its bucket, signed for a region.
func (p *Picture) ObjectStore(region string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(p.URL("objects")), Region: region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("agent", p.env["OBJECTS_SECRET_KEY"], ""), Logger: logging.Nop{},
	})
}

// Objects is what a bucket holds, by key.
func (p *Picture) Objects(t testing.TB, bucket string) map[string]string {
	t.Helper()
	client := p.ObjectStore("us-west-2")
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	objects := map[string]string{}
	for _, object := range must(t, list, err).Contents {
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: object.Key})
		content, err2 := io.ReadAll(must(t, out, err).Body)
		objects[*object.Key] = string(must(t, content, err2))
	}
	return objects
}

// Database is the picture's PostgreSQL.
func (p *Picture) Database() *Postgres { return p.database }
