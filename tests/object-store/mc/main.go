// Command mc is the object store's client.
package main

import (
	"os"

	mc "github.com/minio/mc/cmd"
)

func main() {
	if err := mc.Main(os.Args); err != nil {
		os.Exit(1)
	}
}
