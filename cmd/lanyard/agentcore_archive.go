package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// archive is an agent's code, packed. The same files make the same bytes, so that nothing is uploaded twice.
type archive struct {
	file  *os.File
	sha   string
	size  int64
	files int
	// requirements tells whether the agent's requirements are in it.
	requirements bool
	passed       []string // what was left out and might be missed
}

func (a *archive) close() {
	_ = a.file.Close()
	_ = os.Remove(a.file.Name())
}

// maxArchive is what the agent host takes.
const maxArchive = 250 << 20

// leftOut are names that are no part of an agent: made again where it runs, of no use there, or full of secrets.
var leftOut = []string{
	".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "node_modules/.cache", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".hypothesis",
	".vscode", ".idea", ".DS_Store", ".bedrock_agentcore", projectFileName, ".agentcore.json", ".aws", ".ssh",
}

// leftOutByPattern are patterns of names.
var leftOutByPattern = []string{".env", ".env.*", "*.env", "*.py[cod]", "*.pem", "*.key", "*.swp", "*~", ".agentcore_identity_*"}

// pack makes the archive of a folder. requirements, if set, becomes the archive's requirements.txt.
func pack(dir, requirements string) (*archive, error) {
	f, err := os.CreateTemp("", "lanyard-agent-*.zip")
	if err != nil {
		return nil, fmt.Errorf("packing the agent: %w", err)
	}
	a := &archive{file: f}
	if err := a.pack(dir, requirements); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *archive) pack(dir, requirements string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("packing the agent: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only read
	sum := sha256.New()
	w := zip.NewWriter(io.MultiWriter(a.file, sum))
	if err := a.fill(w, root, requirements); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("packing the agent: %w", err)
	}
	a.sha = hex.EncodeToString(sum.Sum(nil))
	if a.size, err = a.file.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	if a.size > maxArchive {
		return fmt.Errorf("the agent's folder %s packs to %d MB, more than the %d MB that an agent host takes; move data elsewhere", dir, a.size>>20, int64(maxArchive)>>20)
	}
	_, err = a.file.Seek(0, io.SeekStart)
	return err
}

func (a *archive) fill(w *zip.Writer, root *os.Root, requirements string) error {
	if requirements != "" {
		b, err := os.ReadFile(requirements)
		if err != nil {
			return fmt.Errorf("the agent's requirements: %w", err)
		}
		if err := a.add(w, requirementsName, 0o644, strings.NewReader(string(b))); err != nil {
			return err
		}
	}
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("packing the agent: %w", err)
		case name == ".":
			return nil
		case requirements != "" && name == requirementsName:
			return nil
		case isLeftOut(root, name, e):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		return a.addFrom(w, root, name)
	})
}

// isLeftOut tells what stays here.
func isLeftOut(root *os.Root, name string, e fs.DirEntry) bool {
	if slices.Contains(leftOut, name) || slices.Contains(leftOut, path.Base(name)) {
		return true
	}
	if slices.ContainsFunc(leftOutByPattern, func(p string) bool { ok, _ := path.Match(p, path.Base(name)); return ok }) {
		return true
	}
	if !e.IsDir() {
		return false
	}
	// A virtual environment under another name, and the data of a development instance: databases, root key, passwords.
	for _, mark := range []string{"pyvenv.cfg", devFile, "root.key"} {
		if _, err := root.Stat(path.Join(name, mark)); err == nil {
			return true
		}
	}
	return false
}

// addFrom packs one file. A link to a file of the folder becomes that file; one that leads out of it is left out.
func (a *archive) addFrom(w *zip.Writer, root *os.Root, name string) error {
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil || !info.Mode().IsRegular() {
		a.passed = append(a.passed, name)
		return nil
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("packing the agent: %w", err)
	}
	defer f.Close()
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	return a.add(w, name, mode, f)
}

// packedAt is the time of every file in an archive.
func packedAt() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

func (a *archive) add(w *zip.Writer, name string, mode fs.FileMode, r io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: packedAt()}
	h.SetMode(mode)
	into, err := w.CreateHeader(h)
	if err == nil {
		_, err = io.Copy(into, r)
	}
	if err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	a.files++
	a.requirements = a.requirements || name == requirementsName
	return nil
}

// entryPointOf is what the runtime is told to start, as seen from the packed folder.
func (a *agent) entryPointOf() (dir, entry string, err error) {
	path, variable := filepath.FromSlash(textAt(a.doc(), "entrypoint")), ""
	if file, v, ok := strings.Cut(path, ".py:"); ok { // the toolkit's form for a file and a variable in it
		path, variable = file+".py", v
	}
	if path == "" {
		return "", "", fmt.Errorf("%s: agent %s has no entrypoint; run configure -e FILE again", projectFileName, a.name)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	if dir = filepath.FromSlash(textAt(a.doc(), "source_path")); dir == "" {
		dir = filepath.Dir(path)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", "", fmt.Errorf("%s: the entrypoint %s of agent %s is not below its source_path %s; run configure -e FILE again", projectFileName, path, a.name, dir)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("the file %s of agent %s is gone; run configure -e FILE again", path, a.name)
	}
	rel = filepath.ToSlash(rel)
	if variable != "" {
		rel = strings.ReplaceAll(strings.TrimSuffix(rel, ".py"), "/", ".") + ":" + variable
	}
	return dir, rel, nil
}
