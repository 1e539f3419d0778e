package archive

import (
	"errors"
	"os"
)

func tryLock(*os.File) (bool, error) {
	return false, errors.New("a folder needs Linux, macOS or another Unix; set PARLEY_ARCHIVE_URL instead")
}
