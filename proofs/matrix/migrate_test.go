package matrix

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// drop takes the place back to a database without Lunas.
func (p *place) drop(t *testing.T) {
	t.Helper()
	if p.shop != nil {
		p.shop.stop()
	}
	for _, table := range tables {
		require.NoError(t, p.db.Exec("DROP TABLE IF EXISTS "+table).Error)
	}
	require.NoError(t, p.db.Exec("DROP TABLE IF EXISTS lunas_schema").Error)
	require.NoError(t, p.db.AutoMigrate(&Effect{}, &HostOrder{}))
}

// migrates starts a shop that brings its schema up to date first.
func (p *place) migrates(t *testing.T, kill target) *process {
	t.Helper()
	b := p.birth
	b.Migrate, b.Kill = true, kill
	return start(t, b)
}

// recordMigration migrates without a kill, and returns what was passed.
func recordMigration(t *testing.T, p *place) (kills []oneKill) {
	t.Helper()
	t.Run("record the migration", func(t *testing.T) {
		p.drop(t)
		p.shop = p.migrates(t, target{})
		require.NotEmpty(t, p.shop.addr)
		answer, err := p.http.Get("http://" + p.shop.addr + "/points")
		require.NoError(t, err)
		defer answer.Body.Close()
		var passed []string
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&passed))
		seen := map[string]bool{}
		for _, point := range passed {
			if !seen[point] {
				seen[point] = true
				kills = append(kills, oneKill{scenario{"the migration", scenarios[0].play}, point})
			}
		}
		require.Greater(t, len(kills), 20)
	})
	return kills
}

// migrate kills a shop while it migrates. The next one migrates to the end,
// and is good for business.
func (k oneKill) migrate(t *testing.T, p *place) *verdict {
	t.Helper()
	p.drop(t)
	require.True(t, p.migrates(t, target{Point: k.point, Nth: 1}).killed(), "the shop came by without passing the point")
	p.shop = p.migrates(t, target{})
	require.NotEmpty(t, p.shop.addr, "the next migration failed")
	p.open(t)
	w := newWorld(t, p, target{})
	defer w.end()
	return w.play(k.scenario)
}
