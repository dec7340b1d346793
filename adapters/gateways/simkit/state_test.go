package simkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStateFile(t *testing.T) {
	t.Parallel()
	f := StateFile{Path: filepath.Join(t.TempDir(), "state.json")}
	state := map[string]int{"a": 1}
	require.NoError(t, f.Load(&state), "there is none yet")
	require.Equal(t, map[string]int{"a": 1}, state)
	require.NoError(t, f.Save(state))

	var kept map[string]int
	again := StateFile{Path: f.Path}
	require.NoError(t, again.Load(&kept))
	require.Equal(t, state, kept)

	require.NoError(t, os.Remove(f.Path))
	require.NoError(t, f.Save(state))
	require.NoFileExists(t, f.Path, "nothing has changed")
	state["b"] = 2
	require.NoError(t, f.Save(state))
	require.FileExists(t, f.Path)

	require.NoError(t, os.WriteFile(f.Path, []byte("{"), 0o600))
	require.ErrorContains(t, f.Load(&kept), "read state file "+f.Path)
	require.ErrorContains(t, (&StateFile{Path: t.TempDir()}).Load(&kept), "read state: ")
	require.ErrorContains(t, f.Save(func() {}), "save state: ")

	none := StateFile{}
	require.NoError(t, none.Save(state))
	require.NoError(t, none.Load(&kept))
}
