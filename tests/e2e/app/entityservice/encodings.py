"""Encodings: how they come in, and how they are kept."""
import base64

from bitarray import bitarray
from psycopg2.extras import execute_values

from entityservice import database, settings


def check_size(size):
    if not settings.MIN_ENCODING_SIZE <= size <= settings.MAX_ENCODING_SIZE or size % 8:
        raise ValueError("encodings of {} bytes; allowed are multiples of 8 from {} to {}".format(
            size, settings.MIN_ENCODING_SIZE, settings.MAX_ENCODING_SIZE))


def from_json(document):
    """The encodings of an upload's body, all of one size."""
    texts = document.get("clks", document.get("encodings"))
    if not isinstance(texts, list) or not texts:
        raise ValueError("an upload holds a list 'clks' or 'encodings' that is not empty")
    found = [base64.b64decode(text, validate=True) for text in texts]
    check_size(len(found[0]))
    if len({len(encoding) for encoding in found}) > 1:
        raise ValueError("encodings of different sizes")
    return found


def from_binary(data, count, size):
    check_size(size)
    if count < 1 or len(data) != count * size:
        raise ValueError("{} bytes are not {} encodings of {}".format(len(data), count, size))
    return [data[start:start + size] for start in range(0, len(data), size)]


def save(dp, found):
    """Replaces what the data provider had, and says that it is whole, in one transaction."""
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM encodings WHERE dp = %s", (dp,))
        execute_values(cursor, "INSERT INTO encodings (dp, encoding_id, encoding) VALUES %s",
                       [(dp, index, encoding) for index, encoding in enumerate(found)])
        cursor.execute("""
            UPDATE dataproviders SET uploaded = 'done', encoding_count = %s, encoding_size = %s
            WHERE id = %s""", (len(found), len(found[0]), dp))


def load(dp, begin, end):
    """Encodings [begin, end) as anonlink takes them."""
    found = []
    for (data,) in database.rows("""
            SELECT encoding FROM encodings WHERE dp = %s AND encoding_id >= %s AND encoding_id < %s
            ORDER BY encoding_id""", dp, begin, end):
        bits = bitarray(endian="big")
        bits.frombytes(bytes(data))
        found.append(bits)
    return found
