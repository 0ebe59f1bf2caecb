import GRDB

/// Every migration of `visen.db`, oldest first; a landed one is never changed.
enum Schema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: connections, settings, runs") { database in
      try database.execute(
        sql: """
          CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

          CREATE TABLE connection (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            workspace TEXT NOT NULL,
            database_id TEXT, data_source_id TEXT, page_id TEXT, url TEXT,
            prompt TEXT, targets TEXT NOT NULL, tick_property TEXT,
            engine TEXT, model TEXT, selection TEXT,
            mirror_page_id TEXT,
            edited_at REAL NOT NULL, used_at REAL, deleted_at REAL
          );
          CREATE UNIQUE INDEX connection_name
            ON connection(name COLLATE NOCASE) WHERE deleted_at IS NULL;

          CREATE TABLE schema_cache (
            data_source_id TEXT PRIMARY KEY, json TEXT NOT NULL, read_at REAL NOT NULL
          ) WITHOUT ROWID;

          CREATE TABLE prompt (
            id INTEGER PRIMARY KEY, connection TEXT NOT NULL, version INTEGER NOT NULL,
            text TEXT NOT NULL, kept_at REAL NOT NULL, UNIQUE (connection, version)
          );

          CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
            connection TEXT NOT NULL, workspace TEXT NOT NULL,
            engine TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL,
            targets TEXT NOT NULL, parameters TEXT NOT NULL, counted INTEGER NOT NULL DEFAULT 0
          );

          CREATE TABLE item (
            run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            page_id TEXT NOT NULL, title TEXT NOT NULL, number INTEGER,
            prompt TEXT, before TEXT, state TEXT NOT NULL,
            answer TEXT, value TEXT, old TEXT, new TEXT, blocks TEXT,
            input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
            cost REAL, attempts INTEGER NOT NULL DEFAULT 0,
            error_code TEXT, error_message TEXT,
            PRIMARY KEY (run_id, position)
          ) WITHOUT ROWID;
          CREATE INDEX item_state ON item(run_id, state);
          """)
    }
    migrator.registerMigration("2: answers kept for the same question") { database in
      try database.execute(
        sql: """
          CREATE TABLE answer (
            hash INTEGER NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL, value TEXT,
            model TEXT NOT NULL, kept_at REAL NOT NULL, PRIMARY KEY (hash, request)
          ) WITHOUT ROWID;
          CREATE INDEX item_page ON item(page_id);
          """)
    }
    migrator.registerMigration("runs: times, calls under way, engine facts") { database in
      try database.execute(
        sql: """
          ALTER TABLE run ADD COLUMN ended_at TEXT;
          ALTER TABLE item ADD COLUMN asked_at REAL;
          ALTER TABLE item ADD COLUMN seconds REAL NOT NULL DEFAULT 0;
          ALTER TABLE item ADD COLUMN written_at REAL;
          ALTER TABLE item ADD COLUMN reserved REAL;
          ALTER TABLE item ADD COLUMN lost_calls INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE item ADD COLUMN lost_cost REAL NOT NULL DEFAULT 0;
          ALTER TABLE item ADD COLUMN answered_by TEXT;

          CREATE TABLE price (
            engine TEXT NOT NULL, model TEXT NOT NULL, input REAL NOT NULL,
            cached_input REAL NOT NULL, output REAL NOT NULL, set_at REAL NOT NULL,
            PRIMARY KEY (engine, model)
          ) WITHOUT ROWID;

          CREATE TABLE engine_use (
            engine TEXT NOT NULL, model TEXT NOT NULL, hour INTEGER NOT NULL,
            requests INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (engine, model, hour)
          ) WITHOUT ROWID;

          CREATE TABLE engine_limit (
            engine TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL,
            seconds REAL NOT NULL, seen_at REAL NOT NULL, PRIMARY KEY (engine, model, kind)
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("experiments, checks, named prompts, conversations") { database in
      try database.execute(
        sql: """
          CREATE TABLE experiment (
            id INTEGER PRIMARY KEY AUTOINCREMENT, created_at TEXT NOT NULL,
            connection TEXT NOT NULL, workspace TEXT NOT NULL, is_step INTEGER NOT NULL
          );
          CREATE TABLE experiment_variant (
            experiment_id INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,
            position INTEGER NOT NULL, prompt TEXT NOT NULL, is_kept_form INTEGER NOT NULL,
            prompt_version INTEGER, engine TEXT NOT NULL, model TEXT NOT NULL,
            PRIMARY KEY (experiment_id, position)
          ) WITHOUT ROWID;
          CREATE TABLE experiment_row (
            experiment_id INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,
            position INTEGER NOT NULL, page_id TEXT NOT NULL, title TEXT NOT NULL, number INTEGER,
            PRIMARY KEY (experiment_id, position)
          ) WITHOUT ROWID;
          CREATE TABLE experiment_cell (
            experiment_id INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,
            row INTEGER NOT NULL, variant INTEGER NOT NULL, request TEXT NOT NULL,
            answer TEXT, value TEXT, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
            cost REAL, seconds REAL NOT NULL, error_code TEXT, error_message TEXT,
            failed_checks TEXT NOT NULL, PRIMARY KEY (experiment_id, row, variant)
          ) WITHOUT ROWID;
          CREATE TABLE rating (
            experiment_id INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,
            rater TEXT NOT NULL, row INTEGER NOT NULL, winners TEXT NOT NULL,
            PRIMARY KEY (experiment_id, rater, row)
          ) WITHOUT ROWID;

          CREATE TABLE answer_check (
            connection TEXT NOT NULL, name TEXT NOT NULL, condition TEXT NOT NULL,
            kept_at REAL NOT NULL, PRIMARY KEY (connection, name)
          ) WITHOUT ROWID;
          ALTER TABLE prompt ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';
          CREATE TABLE named_prompt (
            name TEXT NOT NULL COLLATE NOCASE, version INTEGER NOT NULL, text TEXT NOT NULL,
            checks TEXT NOT NULL, kept_at REAL NOT NULL, PRIMARY KEY (name, version)
          ) WITHOUT ROWID;
          ALTER TABLE item ADD COLUMN failed_checks TEXT;

          CREATE TABLE conversation (
            id INTEGER PRIMARY KEY AUTOINCREMENT, began_at TEXT NOT NULL, connection TEXT NOT NULL
          );
          CREATE TABLE turn (
            conversation_id INTEGER NOT NULL REFERENCES conversation(id) ON DELETE CASCADE,
            position INTEGER NOT NULL, said_at TEXT NOT NULL, is_wish INTEGER NOT NULL,
            question TEXT NOT NULL, answer TEXT NOT NULL, engine TEXT NOT NULL,
            PRIMARY KEY (conversation_id, position)
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("batches of a service, and the rows in them") { database in
      try database.execute(
        sql: """
          CREATE TABLE batch (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
            label TEXT NOT NULL UNIQUE, engine TEXT NOT NULL, model TEXT NOT NULL,
            state TEXT NOT NULL, file TEXT, remote TEXT, seen TEXT,
            questions INTEGER NOT NULL, answered INTEGER NOT NULL DEFAULT 0,
            failed INTEGER NOT NULL DEFAULT 0,
            longest_answer INTEGER, reserved REAL,
            created_at REAL NOT NULL, sent_at REAL, ends_by REAL
          );
          CREATE INDEX batch_run ON batch(run_id);
          ALTER TABLE item ADD COLUMN batch_id INTEGER;
          CREATE INDEX item_batch ON item(batch_id) WHERE batch_id IS NOT NULL;
          """)
    }
    migrator.registerMigration("experiments know names of prompts, and what stood in the cells") {
      database in
      try database.execute(
        sql: """
          ALTER TABLE experiment_variant ADD COLUMN prompt_name TEXT;
          ALTER TABLE experiment_row ADD COLUMN before TEXT;
          """)
    }
    return migrator
  }
}
