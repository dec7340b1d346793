package simkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	for _, content := range []string{"one", "two is longer", ""} {
		require.NoError(t, WriteFile(path, []byte(content)))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(got))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

func TestWriteFileThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.ErrorContains(t, WriteFile(filepath.Join(dir, "missing", "state.json"), nil), "write ")

	taken := filepath.Join(dir, "taken") // a folder that is not empty cannot be replaced
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "x"), 0o700))
	require.Error(t, WriteFile(taken, []byte("data")))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "the temporary file is gone")
}
