#ifndef VISEN_EDITOR_H
#define VISEN_EDITOR_H

/// A line editor over libedit. All texts are UTF-8. Every function but `editor_print` and
/// `editor_stop` belongs to one thread, the one that opened the editor.
typedef struct visen_editor visen_editor;

/// What reading gave.
typedef enum {
  EDITOR_LINE,
  EDITOR_INTERRUPTED,
  EDITOR_END,
  EDITOR_FAILED,
} editor_status;

/// What the editor asks while a person types; called on the editor's thread, must not wait.
typedef struct {
  void *context;
  /// Whether a text is a whole statement: 1, or 0 when Enter should begin another row.
  int (*is_complete)(void *context, const char *text);
  /// The candidates at a cursor (in bytes): lines of `TEXT<tab>KIND`, in memory from `malloc`; NULL for
  /// none. `start` gets the byte where the word begins that they replace.
  char *(*complete)(void *context, const char *text, int cursor, int *start);
} editor_callbacks;

/// Opens the editor on the terminal; NULL when there is no memory.
visen_editor *editor_open(const char *name, editor_callbacks callbacks, int faint_suggestions);

/// Adds a statement to what Up and Ctrl-R find.
void editor_remember(visen_editor *editor, const char *text);

/// Puts a text on the line that the next `editor_read` begins with, as if it had been pasted there.
void editor_prefill(visen_editor *editor, const char *text);

/// Reads a statement; `text` gets memory from `malloc` for EDITOR_LINE.
///
/// `has_history` is 0 for a plain question: Enter sends, and nothing is recalled.
editor_status editor_read(visen_editor *editor, const char *prompt, int has_history, char **text);

/// Prints a text above the line that is being typed; from any thread.
void editor_print(visen_editor *editor, const char *text);

/// Leaves `editor_read` with EDITOR_INTERRUPTED; from any thread.
void editor_stop(visen_editor *editor);

/// Gives the terminal back.
void editor_close(visen_editor *editor);

#endif
