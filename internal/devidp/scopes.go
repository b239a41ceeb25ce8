package devidp

// scopeView is one requested scope as the consent page shows it.
type scopeView struct {
	Scope string
	Words string // empty for a scope that has none here
}

// scopeWords says in plain words what well-known scopes permit. Any other scope is shown as it is.
var scopeWords = map[string]string{
	"openid":         "Know that it is you, by a stable id",
	"profile":        "See your name and user name",
	"email":          "See your email address",
	"phone":          "See your phone number",
	"address":        "See your postal address",
	"offline_access": "Stay connected while you are away, until you revoke it",

	"repo":            "Read and change all your repositories, private ones included",
	"public_repo":     "Read and change your public repositories",
	"read:user":       "Read your profile",
	"user":            "Read and change your profile",
	"user:email":      "See all your email addresses",
	"read:org":        "See your organisations and teams",
	"gist":            "Create and change your gists",
	"workflow":        "Change your automated workflows",
	"notifications":   "Read and mark your notifications",
	"channels:read":   "See the channels you are in",
	"chat:write":      "Post messages in your name",
	"read_api":        "Read everything you can read",
	"api":             "Read and change everything you can",
	"User.Read":       "Read your profile",
	"Mail.Read":       "Read your mail",
	"Mail.Send":       "Send mail in your name",
	"Calendars.Read":  "Read your calendars",
	"Files.Read":      "Read your files",
	"Files.ReadWrite": "Read and change your files",

	"https://www.googleapis.com/auth/calendar":                "Read and change your calendars",
	"https://www.googleapis.com/auth/calendar.readonly":       "Read your calendars",
	"https://www.googleapis.com/auth/drive":                   "Read, change and delete all your files",
	"https://www.googleapis.com/auth/drive.readonly":          "Read all your files",
	"https://www.googleapis.com/auth/drive.metadata.readonly": "See the names and details of your files",
	"https://www.googleapis.com/auth/gmail.readonly":          "Read your mail",
	"https://www.googleapis.com/auth/gmail.send":              "Send mail in your name",
	"https://www.googleapis.com/auth/userinfo.email":          "See your email address",
	"https://www.googleapis.com/auth/userinfo.profile":        "See your name and picture",
}

func describeScopes(scopes []string) []scopeView {
	views := make([]scopeView, len(scopes))
	for i, scope := range scopes {
		views[i] = scopeView{Scope: scope, Words: scopeWords[scope]}
	}
	return views
}
