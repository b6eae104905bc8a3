"""check_python.py FILE...: the files compile; nothing is written."""
import sys

failed = False
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as source:
            compile(source.read(), path, "exec")
    except SyntaxError as error:
        failed = True
        print(f"{path}:{error.lineno}: {error.msg}", file=sys.stderr)
sys.exit(failed)
