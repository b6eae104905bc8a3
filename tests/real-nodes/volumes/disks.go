package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// disks is a folder with PLACE/NAME/disk for each disk; its id is PLACE/NAME. The place is "net", or the
// node that the disk is part of. PLACE/NAME/holder has the name of the node that it is attached to.
type disks string

const (
	network  = "net"
	smallest = 300 << 20 // mkfs.xfs refuses less
	step     = 1 << 20
)

var (
	errMissing = errors.New("no such disk")
	validName  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
)

func (d disks) folder(id string) (string, error) {
	place, name, found := strings.Cut(id, "/")
	if !found || !validName.MatchString(place) || !validName.MatchString(name) {
		return "", errMissing
	}
	return filepath.Join(string(d), place, name), nil
}

func place(id string) string {
	before, _, _ := strings.Cut(id, "/")
	return before
}

// size in bytes.
func (d disks) size(id string) (int64, error) {
	folder, err := d.folder(id)
	if err != nil {
		return 0, err
	}
	found, err := os.Stat(filepath.Join(folder, "disk"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errMissing
	}
	if err != nil {
		return 0, err
	}
	return found.Size(), nil
}

func (d disks) create(id string, size int64) error {
	folder, err := d.folder(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	fresh := filepath.Join(folder, "disk.new")
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(fresh, size); err != nil {
		return err
	}
	if err := command("mkfs.xfs", "-q", "-f", fresh); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(folder, "disk"))
}

func (d disks) grow(id string, size int64) error {
	folder, err := d.folder(id)
	if err != nil {
		return err
	}
	return os.Truncate(filepath.Join(folder, "disk"), size)
}

func (d disks) remove(id string) error {
	folder, err := d.folder(id)
	if err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// holder is the node that it is attached to, "" when there is none.
func (d disks) holder(id string) (string, error) {
	folder, err := d.folder(id)
	if err != nil {
		return "", err
	}
	name, err := os.ReadFile(filepath.Join(folder, "holder"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(name), err
}

func (d disks) attach(id, node string) error {
	folder, err := d.folder(id)
	if err != nil {
		return err
	}
	fresh := filepath.Join(folder, "holder.new")
	if err := os.WriteFile(fresh, []byte(node), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(folder, "holder"))
}

func (d disks) detach(id string) error {
	folder, err := d.folder(id)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, "holder")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func command(name string, arguments ...string) error {
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, output)
	}
	return nil
}
