package host

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// unpackArchive unpacks a zip or tar.gz.
func (h *Host) unpackArchive(ctx context.Context, path, into string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	u, err := h.newUnpacker(into)
	if err != nil {
		return err
	}
	defer closeRead(u.root)
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case string(magic[:2]) == "PK":
		err = u.zip(ctx, f)
	case string(magic[:2]) == "\x1f\x8b":
		err = u.tarGz(ctx, f)
	default:
		err = hostlink.Errorf(hostlink.CodeSource, "the archive is neither a zip nor a tar.gz")
	}
	if err != nil {
		return err
	}
	return u.finish()
}

// maxLinkTarget bounds what is read of a zip's symbolic link.
const maxLinkTarget = 4096

func (u *unpacker) zip(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := zip.NewReader(f, info.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return hostlink.Errorf(hostlink.CodeSource, "the zip archive is damaged: %v", err)
	}
	for _, e := range r.File {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := u.zipEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) zipEntry(e *zip.File) error {
	mode := e.Mode()
	if mode.IsDir() {
		return u.dir(e.Name)
	}
	if !mode.IsRegular() && mode.Type() != fs.ModeSymlink {
		return refused(e.Name, "is neither a file, a directory nor a link")
	}
	r, err := e.Open()
	if err != nil {
		return refused(e.Name, "cannot be read: %v", err)
	}
	defer r.Close()
	if mode.IsRegular() {
		return u.file(e.Name, mode, r)
	}
	target, err := io.ReadAll(io.LimitReader(r, maxLinkTarget))
	if err != nil {
		return refused(e.Name, "cannot be read: %v", err)
	}
	return u.link(e.Name, string(target))
}

func (u *unpacker) tarGz(ctx context.Context, f *os.File) error {
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return hostlink.Errorf(hostlink.CodeSource, "the tar.gz archive is damaged: %v", err)
	}
	defer closeRead(z)
	// Headers and padding are bounded too: an endless stream of them holds no file at all.
	t := tar.NewReader(io.LimitReader(z, u.most.SourceBytes+int64(u.most.Files)*4096))
	for {
		e, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return hostlink.Errorf(hostlink.CodeSource, "the tar.gz archive is damaged, or larger than %d bytes unpacked: %v", u.most.SourceBytes, err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if err := u.tarEntry(e, t); err != nil {
			return err
		}
	}
}

func (u *unpacker) tarEntry(e *tar.Header, r io.Reader) error {
	switch e.Typeflag {
	case tar.TypeReg:
		return u.file(e.Name, e.FileInfo().Mode(), r)
	case tar.TypeDir:
		if strings.Trim(e.Name, "./") == "" {
			return nil // the folder itself
		}
		return u.dir(e.Name)
	case tar.TypeSymlink:
		return u.link(e.Name, e.Linkname)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return refused(e.Name, "is neither a file, a directory nor a symbolic link")
}
