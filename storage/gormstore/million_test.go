package gormstore_test

import (
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// However many payments there are, a call reads what it needs and little more.
// Each is made in a shop with a million of them, and what the database touched
// for it is counted. Then every statement is explained: a plan may also be
// quick by chance, and one that is kept for any values may not be.
func TestAMillionPayments(t *testing.T) {
	onEach(t, func(t *testing.T, dialect string) {
		dsn := bigShop(t, dialect, howMany(dialect))
		w := witnesses[dialect](t, dsn)
		store, err := gormstore.Open(t.Context(), w.DB, nil)
		require.NoError(t, err)
		s := &shop{Store: store, ctx: t.Context(), payments: howMany(dialect)}
		for range 400 {
			require.NoError(t, s.buy())
		}
		for _, m := range w.modes {
			t.Run(m.name, func(t *testing.T) {
				require.NoError(t, w.Exec(m.begin).Error)
				for range m.times {
					for _, c := range calls {
						w.check(t, s, c)
					}
				}
			})
		}
		explained, whole := w.plans(t)
		require.Greater(t, explained, 40, "too few statements were seen to be true")
		require.Empty(t, whole, "plans that read a whole table")
	})
}

// howMany payments there are to be.
func howMany(dialect string) int {
	switch {
	case testing.Short():
		return 10_000
	case dialect == "sqlite" && raceDetector():
		return 20_000 // SQLite is a part of this process, and ten times as slow
	}
	return 1_000_000
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// bigShop is a new database with n payments.
func bigShop(t *testing.T, dialect string, n int) (dsn string) {
	t.Helper()
	if dialect == "postgres" {
		// Not a schema among others: what other tests have open in their
		// transactions would hold up the vacuum.
		dsn = scratch.Postgres(t)
	} else {
		dsn = scratch.New(t, dialect)
	}
	db := scratch.Open(t, dialect, dsn)
	require.NoError(t, gormstore.Migrate(t.Context(), db, nil))
	began := time.Now()
	fill(t, db, n)
	t.Logf("%d payments were made in %s", n, time.Since(began).Round(time.Second))
	return dsn
}

// check makes a call and counts what it touches.
func (w *witness) check(t *testing.T, s *shop, c call) {
	t.Helper()
	if w.touched == nil {
		require.NoError(t, c.do(s), c.name)
		return
	}
	before := w.touched(t)
	require.NoError(t, c.do(s), c.name)
	touched, most := w.touched(t)-before, c.most
	if w.pages {
		most /= 3
	}
	t.Logf("%7d %s", touched, c.name)
	if touched > most && !testing.Short() { // small tables are rightly read whole
		t.Errorf("%q touched %d rows and pages, and %d are enough", c.name, touched, most)
	}
}
