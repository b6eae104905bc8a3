// The root of the repository, for tests that read files of it. Constant, so also good for globals.
#pragma once

extern const char* const kSourceDir;
