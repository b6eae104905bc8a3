// Command minio is the object store's server. Its own main package cannot be built from another
// module.
package main

import (
	"os"

	minio "github.com/minio/minio/cmd"
)

func main() { minio.Main(os.Args) }
