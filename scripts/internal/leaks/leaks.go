// Package leaks looks for anything that opens something where nothing of the kind may lie: in processes'
// environments and command lines, in a lab's folders and logs, in the repository, in the binaries.
package leaks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Finding is a secret in the wrong place. It says what kind of secret, never which.
type Finding struct {
	Where string `json:"where"`
	What  string `json:"what"`
}

// Result is a scan's: what it looked at is told, so that one that looked at nothing isn't taken for good news.
type Result struct {
	Findings  []Finding `json:"findings"`
	Processes int       `json:"processes"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
}

// patterns know secrets by their looks.
var patterns = map[string]*regexp.Regexp{
	"vault token":    regexp.MustCompile(`hv[sbr]\.[A-Za-z0-9_-]{24,}`),
	"private key":    regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}`),
	"signed JWT":     regexp.MustCompile(`eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{40,}`),
	"API key":        regexp.MustCompile(`rdk_[a-z2-7]{10}_[A-Za-z0-9_-]{43}`),
	"webhook secret": regexp.MustCompile(`whsec_[A-Za-z0-9+/]{32,}={0,2}`),
}

// allowed is the whole list of what may lie in a lab's runtime folder: path pattern -> kind of secret. Each such
// file is its owner's alone (0600), which is checked, too.
var allowed = map[string]string{
	"*/vault.jwt":  "signed JWT",  // an identity document, good for two minutes
	"*/consul.jwt": "signed JWT",  //
	"*/tls.key":    "private key", // of Vault's, Consul's and PostgreSQL's listeners
}

// Scanner collects findings.
type Scanner struct {
	Canaries map[string]string // by what they are: values that are live now, and must be found nowhere
	result   Result
	binaries map[string]bool
}

// Result is what was found so far, sorted.
func (s *Scanner) Result() Result {
	slices.SortFunc(s.result.Findings, func(a, b Finding) int {
		return strings.Compare(a.Where+a.What, b.Where+b.What)
	})
	if s.result.Findings == nil {
		s.result.Findings = []Finding{}
	}
	return s.result
}

// look searches a text; permitted is the one kind that may be in it.
func (s *Scanner) look(where string, text []byte, permitted string) {
	s.result.Bytes += int64(len(text))
	for what, pattern := range patterns {
		if what != permitted && pattern.Match(text) {
			s.result.Findings = append(s.result.Findings, Finding{where, what})
		}
	}
	for what, value := range s.Canaries {
		if value != "" && bytes.Contains(text, []byte(value)) {
			s.result.Findings = append(s.result.Findings, Finding{where, "live " + what})
		}
	}
}

// Process looks into a process's environment and command line. One that has ended has neither.
func (s *Scanner) Process(pid int, name string) error {
	for _, file := range []string{"environ", "cmdline"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("scan %s: %w", name, err)
		}
		s.look(fmt.Sprintf("%s (pid %d) %s", name, pid, file), text, "")
	}
	s.result.Processes++
	return nil
}

// Binary looks into the program that a process runs, once each.
func (s *Scanner) Binary(pid int) error {
	link := fmt.Sprintf("/proc/%d/exe", pid)
	name, err := os.Readlink(link)
	if err != nil || s.binaries[name] {
		return nil // ended, or seen
	}
	info, err := os.Stat(link) // the very program, even where its file was replaced
	if err != nil {
		return fmt.Errorf("scan binary: %w", err)
	}
	if s.binaries == nil {
		s.binaries = map[string]bool{}
	}
	s.binaries[name] = true
	return s.file(link, name, info, "")
}

// RunDir looks into a lab's runtime folder, where only what is on the list may lie.
func (s *Scanner) RunDir(dir string) error {
	return s.walk(dir, func(rel string, info fs.FileInfo) string {
		for pattern, kind := range allowed {
			if ok, _ := path.Match(pattern, rel); !ok {
				continue
			}
			if info.Mode().Perm()&0o077 != 0 {
				s.result.Findings = append(s.result.Findings, Finding{rel, "a " + kind + " that others may read: " + info.Mode().Perm().String()})
			}
			return kind
		}
		return ""
	})
}

// Dir looks into a folder where no secret may lie.
func (s *Scanner) Dir(dir string) error {
	return s.walk(dir, func(string, fs.FileInfo) string { return "" })
}

// maxFile is the largest file that is read; a lab makes none as large.
const maxFile = 1 << 30

func (s *Scanner) walk(dir string, permits func(rel string, info fs.FileInfo) string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // a server's temporary file
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return s.file(name, filepath.Join(filepath.Base(dir), rel), info, permits(rel, info))
	})
}

func (s *Scanner) file(name, where string, info fs.FileInfo, permitted string) error {
	if info.Size() > maxFile {
		return fmt.Errorf("scan %s: it is too large", name)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	s.result.Files++
	s.look(where, text, permitted)
	return nil
}

// Repository looks into every file that git has, as it is now.
func (s *Scanner) Repository(dir string) error {
	cmd := exec.Command("git", "-C", dir, "ls-files", "-z")
	names, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the repository's files: %w", err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		full := filepath.Join(dir, name)
		info, err := os.Lstat(full)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := s.file(full, name, info, ""); err != nil {
			return err
		}
	}
	return nil
}
