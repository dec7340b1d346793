package gormstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore"
	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

// A process may die at any statement. What it leaves is nothing, where
// migrations take place in a transaction, or what another Migrate brings to
// its end.
func TestMigrateCutOff(t *testing.T) {
	t.Parallel()
	onEachEmpty(t, func(t *testing.T, dialect, dsn string) {
		whole := scratch.Open(t, dialect, scratch.New(t, dialect))
		require.NoError(t, gormstore.Migrate(t.Context(), whole, nil))
		want := structure(t, whole)
		db := scratch.Open(t, dialect, dsn)
		for cut := 1; ; cut++ {
			sent, opened := 0, false
			mortal := openMortal(t, dialect, dsn, func(string) error {
				if !opened { // GORM asks for the version
					return nil
				}
				if sent++; sent == cut {
					return errKilled
				}
				return nil
			})
			opened = true
			err := gormstore.Migrate(t.Context(), mortal, nil)
			if err == nil {
				require.Greater(t, cut, 15, "there are more statements than that")
				break
			}
			require.ErrorIs(t, err, errKilled)
			if dialect != "mysql" && len(tables(t, db)) == 0 {
				continue
			}
			if dialect != "mysql" {
				require.Equal(t, want, structure(t, db), "it died after the commit")
			}
			require.NoError(t, gormstore.Migrate(t.Context(), db, nil), "cut off at statement %d", cut)
			require.Equal(t, want, structure(t, db), "cut off at statement %d", cut)
			dsn = scratch.New(t, dialect)
			db = scratch.Open(t, dialect, dsn)
		}
		require.Equal(t, want, structure(t, db))
		openStore(t, db, nil)
	})
}
