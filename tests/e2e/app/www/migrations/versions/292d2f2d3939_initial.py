"""The tables."""
from alembic import op

revision = "292d2f2d3939"
down_revision = None

STATEMENTS = """
CREATE TYPE result_kind AS ENUM ('similarity_scores', 'permutations', 'groups');
CREATE TYPE run_state AS ENUM ('created', 'queued', 'running', 'completed', 'error');
CREATE TYPE upload_state AS ENUM ('not_started', 'in_progress', 'done', 'error');

CREATE TABLE projects (
    project_id text PRIMARY KEY,
    time_added timestamptz NOT NULL DEFAULT now(),
    name text NOT NULL,
    notes text NOT NULL,
    schema jsonb NOT NULL,
    result_type result_kind NOT NULL,
    result_token text NOT NULL,
    parties integer NOT NULL,
    marked_for_deletion boolean NOT NULL DEFAULT false
);

CREATE TABLE dataproviders (
    id serial PRIMARY KEY,
    project_id text NOT NULL REFERENCES projects ON DELETE CASCADE,
    position integer NOT NULL,
    update_token text NOT NULL UNIQUE,
    receipt_token text UNIQUE,
    uploaded upload_state NOT NULL DEFAULT 'not_started',
    encoding_count integer,
    encoding_size integer,
    UNIQUE (project_id, position)
);

CREATE TABLE encodings (
    dp integer NOT NULL,
    encoding_id integer NOT NULL,
    encoding bytea NOT NULL,
    PRIMARY KEY (dp, encoding_id)
);

CREATE TABLE runs (
    run_id text PRIMARY KEY,
    project_id text NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    notes text NOT NULL,
    threshold double precision NOT NULL,
    state run_state NOT NULL DEFAULT 'created',
    time_added timestamptz NOT NULL DEFAULT now(),
    time_started timestamptz,
    time_completed timestamptz,
    comparisons bigint,
    chunks integer
);

CREATE TABLE similarity_scores (
    run_id text PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    file text NOT NULL,
    pairs bigint NOT NULL
);

CREATE TABLE run_results (
    run_id text PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    groups jsonb NOT NULL
);

CREATE TABLE permutations (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    dp integer NOT NULL REFERENCES dataproviders ON DELETE CASCADE,
    permutation jsonb NOT NULL,
    PRIMARY KEY (run_id, dp)
);

CREATE TABLE permutation_masks (
    run_id text PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    mask jsonb NOT NULL
);

CREATE TABLE metrics (
    id serial PRIMARY KEY,
    time_added timestamptz NOT NULL DEFAULT now(),
    rate double precision NOT NULL
);
"""


def upgrade():
    op.execute(STATEMENTS)


def downgrade():
    op.execute("""
        DROP TABLE metrics, permutation_masks, permutations, run_results, similarity_scores, runs,
            encodings, dataproviders, projects;
        DROP TYPE result_kind, run_state, upload_state;
    """)
