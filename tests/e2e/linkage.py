"""Two parties whose records shall be linked: their encodings, the project at the service, and what
the result has to be, computed here by the definition."""
import base64
import random

THRESHOLD = 0.8


class Parties:
    """Two parties' encodings, made from a seed, and the pairs that a comparison must find."""

    def __init__(self, seed, size=30, common=12, length=64):
        source = random.Random(seed)
        self.length = length
        left = [self._encoding(source) for _ in range(size)]
        right = [self._encoding(source) for _ in range(size)]
        for target, origin in zip(source.sample(range(size), common),
                                  source.sample(range(size), common)):
            changed = bytearray(left[origin])
            for _ in range(source.randrange(8)):
                changed[source.randrange(length)] ^= 1 << source.randrange(8)
            right[target] = bytes(changed)
        self.encodings = [left, right]

    def _encoding(self, source):
        return bytes(source.randrange(256) & source.randrange(256) for _ in range(self.length))

    def similarities(self, threshold=THRESHOLD):
        """{(left, right): score}, by the definition of the Dice coefficient."""
        left, right = ([int.from_bytes(e, "big") for e in side] for side in self.encodings)
        found = {}
        for i, a in enumerate(left):
            for k, b in enumerate(right):
                score = 2 * (a & b).bit_count() / (a.bit_count() + b.bit_count())
                if score >= threshold:
                    found[i, k] = score
        return found


class Project:
    """A project with its tokens, at the API. Its methods raise what the API's raise."""

    def __init__(self, api, parties, kind, name="a test"):
        self.api, self.parties, self.kind, self.name = api, parties, kind, name
        answer = api.succeed("POST", "/projects", document={
            "schema": {}, "result_type": kind, "number_parties": 2, "name": name})
        self.id = answer["project_id"]
        self.path = "/projects/" + self.id
        self.token, self.update_tokens = answer["result_token"], answer["update_tokens"]
        self.receipts = [None, None]

    def upload_json(self, party):
        texts = [base64.b64encode(e).decode() for e in self.parties.encodings[party]]
        self._upload(party, "/clks", document={"clks": texts})

    def upload_binary(self, party):
        found = self.parties.encodings[party]
        self._upload(party, "/binaryclks", data=b"".join(found), headers={
            "Content-Type": "application/octet-stream", "Hash-Count": str(len(found)),
            "Hash-Size": str(self.parties.length)})

    def _upload(self, party, path, **body):
        self.receipts[party] = self.api.succeed(
            "POST", self.path + path, self.update_tokens[party], **body)["receipt_token"]

    def describe(self):
        return self.api.succeed("GET", self.path, self.token)

    def start(self):
        """The path of a new run."""
        return self.path + "/runs/" + self.api.succeed(
            "POST", self.path + "/runs", self.token, document={"threshold": THRESHOLD})["run_id"]

    def status(self, run):
        return self.api.succeed("GET", run + "/status", self.token)

    def state(self, run):
        return self.status(run)["state"]

    def result(self, run, token=None):
        return self.api.succeed("GET", run + "/result", token or self.token)

    def is_exact(self, run):
        """Whether the run's result is, to the last pair, what it has to be. Of permutations only
        the number of pairs is known to whom a receipt is missing."""
        expected = self.parties.similarities()
        result = self.result(run)
        if self.kind == "similarity_scores":
            found = {(left, right): score
                     for (_, left), (_, right), score in result["similarity_scores"]}
            return found.keys() == expected.keys() and all(
                abs(found[pair] - expected[pair]) < 1e-9 for pair in found)
        if self.kind == "groups":
            found = [(left, right) for (_, left), (_, right) in result["groups"]]
        elif None in self.receipts:
            return sum(result["mask"]) == len(expected)
        else:
            left, right = (self.result(run, receipt)["permutation"] for receipt in self.receipts)
            found = [(left.index(place), right.index(place))
                     for place, one in enumerate(result["mask"]) if one]
        return len(found) == len(expected) and set(found) == set(expected)
