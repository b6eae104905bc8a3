"""Two lists of people who are partly the same, and how each party hides its own before it uploads it.

Encodings are Bloom filters of keyed hashes of a record's bigrams, as Schnell, Bachteler and Reiher
describe them (https://doi.org/10.1186/1472-6947-9-41): two spellings of a name share most bits.
"""
import hashlib
import hmac

BITS = 1024
HASHES = 20

HOSPITAL = [
    ("Amelia", "Whitfield", "1984-03-12"), ("Bertrand", "Okonkwo", "1971-11-30"),
    ("Chiara", "Lindqvist", "1990-07-04"), ("Dorothea", "Marchetti", "1965-01-22"),
    ("Emeka", "Vandenberg", "1988-09-17"), ("Florence", "Nakagawa", "1979-05-08"),
    ("Gustavo", "Abernathy", "1993-12-01"), ("Henrietta", "Sorensen", "1958-06-25"),
]
REGISTRY = [
    ("Florense", "Nakagawa", "1979-05-08"), ("Ignatius", "Carmody", "1982-02-14"),
    ("Dorothea", "Marcheti", "1965-01-22"), ("Jocelyn", "Petrov", "1997-10-19"),
    ("Amelia", "Whitfeild", "1984-03-12"), ("Gustav", "Abernathy", "1993-12-01"),
    ("Katarzyna", "Drummond", "1969-08-03"), ("Chiara", "Lindquist", "1990-07-04"),
]
SAME = {(0, 4), (2, 7), (3, 2), (5, 0), (6, 5)}


def encoding(record, key=b"known to both parties only"):
    bits = 0
    for number, field in enumerate(record):
        text = f"_{field.lower()}_"
        for start in range(len(text) - 1):
            message = f"{number}{text[start:start + 2]}".encode()
            one, two = (int.from_bytes(hmac.new(key, message, name).digest(), "big")
                        for name in (hashlib.sha256, hashlib.sha512))
            for place in range(HASHES):
                bits |= 1 << (one + place * two) % BITS
    return bits.to_bytes(BITS // 8, "big")


class People:
    """The two parties, for linkage.Project."""
    length = BITS // 8

    def __init__(self):
        self.encodings = [[encoding(it) for it in party] for party in (HOSPITAL, REGISTRY)]
