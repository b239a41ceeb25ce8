package main

import (
	"context"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// GoogleUser is what the model learns of the user's account.
type GoogleUser struct {
	Subject string `json:"sub"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
}

// CalendarEvent is one event of the user's calendar.
type CalendarEvent struct {
	Summary  string       `json:"summary,omitempty"`
	Location string       `json:"location,omitempty"`
	Start    CalendarTime `json:"start"`
	End      CalendarTime `json:"end"`
}

// CalendarTime is a time, or a day of an event that lasts all day.
type CalendarTime struct {
	DateTime string `json:"dateTime,omitempty"`
	Date     string `json:"date,omitempty"`
}

// CalendarEvents are what list_calendar_events returns; Google wraps them likewise.
type CalendarEvents struct {
	Events []CalendarEvent `json:"items"`
}

var (
	googleUserScopes   = []string{"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile"}
	googleEventsScopes = []string{"https://www.googleapis.com/auth/calendar.events.readonly"}
)

func googleTools(p *provider) []chat.Tool {
	p.title = "Google"
	p.header = http.Header{"Accept": {"application/json"}, "User-Agent": {"lanyard-github-agent"}}
	return []chat.Tool{
		chat.NewTool("get_google_user", "Reads the name and email address of the user's own Google account.", noSchema,
			func(ctx context.Context, _ struct{}) (GoogleUser, error) {
				return get[GoogleUser](ctx, p, googleUserScopes, "/oauth2/v3/userinfo", nil)
			}),
		chat.NewTool("list_calendar_events", "Lists the next events of the user's own Google calendar.", listSchema,
			func(ctx context.Context, in list) (CalendarEvents, error) {
				query := in.query("maxResults")
				query.Set("timeMin", p.now().UTC().Format(time.RFC3339))
				query.Set("singleEvents", "true") // a series as its events, which alone can be ordered by time
				query.Set("orderBy", "startTime")
				return get[CalendarEvents](ctx, p, googleEventsScopes, "/calendar/v3/calendars/primary/events", query)
			}),
	}
}
