package main

import (
	"context"
	"net/http"

	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// GitHubUser is what the model learns of the user's account.
type GitHubUser struct {
	Login       string `json:"login"`
	ID          int64  `json:"id"`
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Company     string `json:"company,omitempty"`
	Location    string `json:"location,omitempty"`
	Bio         string `json:"bio,omitempty"`
	PublicRepos int    `json:"public_repos"`
	Followers   int    `json:"followers"`
	URL         string `json:"html_url,omitempty"`
	CreatedAt   string `json:"created_at,omitempty"`
}

// GitHubProject is what it learns of one of the user's repositories.
type GitHubProject struct {
	Name        string `json:"name"`
	FullName    string `json:"full_name"`
	Description string `json:"description,omitempty"`
	Private     bool   `json:"private"`
	URL         string `json:"html_url,omitempty"`
	Language    string `json:"language,omitempty"`
	Stars       int    `json:"stargazers_count"`
	UpdatedAt   string `json:"updated_at,omitempty"`
}

// GitHubProjects are what list_github_projects returns.
type GitHubProjects struct {
	Projects []GitHubProject `json:"projects"`
}

// The scopes that each tool asks for: the least with which it works, so that nobody consents to more.
var (
	githubUserScopes     = []string{"read:user"}
	githubProjectsScopes = []string{"repo"}
)

func githubTools(p *provider) []chat.Tool {
	p.title = "GitHub"
	p.header = http.Header{
		"Accept":               {"application/vnd.github+json"},
		"X-Github-Api-Version": {"2022-11-28"},
		"User-Agent":           {"lanyard-github-agent"}, // without one GitHub answers 403
	}
	return []chat.Tool{
		chat.NewTool("get_github_user", "Reads the profile of the user's own GitHub account: login, name, company, number of public repositories and followers.", noSchema,
			func(ctx context.Context, _ struct{}) (GitHubUser, error) {
				return get[GitHubUser](ctx, p, githubUserScopes, "/user", nil)
			}),
		chat.NewTool("list_github_projects", "Lists the user's own GitHub projects (repositories, private ones too), those updated last first.", listSchema,
			func(ctx context.Context, in list) (GitHubProjects, error) {
				query := in.query("per_page")
				query.Set("sort", "updated")
				projects, err := get[[]GitHubProject](ctx, p, githubProjectsScopes, "/user/repos", query)
				return GitHubProjects{projects}, err
			}),
	}
}
