package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// BlockedUser is somebody for whom nothing is done any more: no workload access token, no exchange, no renewal, no role
// (A23). What was issued before the block stays revoked when it ends.
type BlockedUser struct {
	User      User
	Reason    string
	CreatedAt time.Time
}

type blockedUserData struct {
	identified
	User   User   `json:"user"`
	Reason string `json:"reason,omitempty"`
}

// maxBlocked is how many blocked users of an account are held in memory; beyond, each is looked up.
const maxBlocked = 4096

func decodeBlockedUser(r Record) (BlockedUser, error) {
	var d blockedUserData
	if err := json.Unmarshal(r.Data, &d); err != nil || d.User.Key() != r.Name {
		return BlockedUser{}, internal(errors.Join(errors.New("not the user of its name"), err), "decoding a blocked user")
	}
	return BlockedUser{User: d.User, Reason: d.Reason, CreatedAt: r.CreatedAt}, nil
}

// BlockUser refuses everything for the user from now on, and revokes the workload access tokens issued until now.
// Blocking again changes nothing but the epoch.
func (s *Service) BlockUser(ctx context.Context, account string, u User, reason string) error {
	_, err := admin(ctx, s, account, "BlockUser", func(ctx context.Context) (struct{}, error) {
		if u.Subject == "" {
			return struct{}{}, invalid("user", "name the user: --issuer and --subject as in the JWT, or --user-id")
		}
		if err := s.raiseUserEpoch(ctx, account, u.Key()); err != nil {
			return struct{}{}, err
		}
		r := Record{Account: account, Kind: KindBlockedUser, ID: newID(s.Rand, "bu-"), Name: u.Key()}
		err := s.insert(ctx, &r, blockedUserData{identified{Name: r.Name}, u, reason}, vault.Secret{})
		if errors.Is(err, ErrExists) {
			err = nil
		}
		return struct{}{}, internal(err, "blocking a user")
	})
	return err
}

// UnblockUser ends a block. Tokens from before it stay revoked.
func (s *Service) UnblockUser(ctx context.Context, account string, u User) error {
	_, err := admin(ctx, s, account, "UnblockUser", func(ctx context.Context) (struct{}, error) {
		if err := s.raiseUserEpoch(ctx, account, u.Key()); err != nil {
			return struct{}{}, err
		}
		r, err := s.Store.Record(ctx, account, KindBlockedUser, "", u.Key())
		if errors.Is(err, ErrNotFound) {
			return struct{}{}, refuse(NotFound, "user %s is not blocked", clip(u.Key()))
		}
		if err != nil {
			return struct{}{}, internal(err, "reading a blocked user")
		}
		return struct{}{}, s.remove(ctx, &r)
	})
	return err
}

// BlockedUsers lists them.
func (s *Service) BlockedUsers(ctx context.Context, account string, p Page) (List[BlockedUser], error) {
	return listRecords(ctx, s, account, KindBlockedUser, p, decodeBlockedUser)
}

// raiseUserEpoch refuses the user's tokens minted until now. Tokens carry milliseconds: one of this very one is refused too.
func (s *Service) raiseUserEpoch(ctx context.Context, account, user string) error {
	defer s.changed(account)
	err := s.Store.RaiseUserEpoch(ctx, account, UserEpoch{User: user, At: s.Now().Add(time.Millisecond)})
	return internal(err, "raising a user's epoch")
}

// checkBlocked refuses a blocked user.
func (s *Service) checkBlocked(ctx context.Context, account string, st *accountState, user string) error {
	if user == "" {
		return nil
	}
	blocked, err := s.blocked(ctx, account, st, user)
	if err != nil {
		return err
	}
	if blocked {
		return refuse(Denied, "the user is blocked here: nothing is issued or renewed for them. An operator ends the block with: %s", s.command("admin user unblock"))
	}
	return nil
}

func (s *Service) blocked(ctx context.Context, account string, st *accountState, user string) (bool, error) {
	if st.allBlocked {
		_, ok := st.blocked[user]
		return ok, nil
	}
	_, err := s.Store.Record(ctx, account, KindBlockedUser, "", user)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, internal(err, "reading a blocked user")
}

// loadBlocked reads the account's blocked users into its state, if there are few enough. One that was tampered with
// still blocks: whoever wrote it can only refuse.
func (s *Service) loadBlocked(ctx context.Context, account string, st *accountState) error {
	rows, err := s.Store.ListRecords(ctx, account, KindBlockedUser, "", "", maxBlocked+1)
	if err != nil {
		return internal(err, "reading the blocked users of account "+account)
	}
	if st.allBlocked = len(rows) <= maxBlocked; st.allBlocked {
		st.blocked = make(map[string]struct{}, len(rows))
		for _, r := range rows {
			st.blocked[r.Name] = struct{}{}
		}
	}
	return nil
}
