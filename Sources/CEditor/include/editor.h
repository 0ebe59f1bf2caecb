#ifndef VISEN_EDITOR_H
#define VISEN_EDITOR_H

/// A line editor over libedit. All texts are UTF-8. Functions that do not say otherwise belong to one
/// thread, the one that opened the editor.
typedef struct visen_editor visen_editor;

/// What reading gave.
typedef enum {
  EDITOR_LINE,
  EDITOR_INTERRUPTED,
  EDITOR_END,
  EDITOR_FAILED,
  /// The text is to be changed in an editor of its own.
  EDITOR_EDIT,
} editor_status;

/// What the editor asks while a person types; called on the editor's thread, must not wait.
typedef struct {
  void *context;
  /// Whether a text is a whole statement: 1, or 0 when Enter should begin another row.
  int (*is_complete)(void *context, const char *text);
  /// The candidates at a cursor (in bytes), in memory from `malloc`; NULL or nothing for none. First a
  /// line `COMMON<tab>MORE`: what all begin with, and how many more there are; then lines of
  /// `TEXT<tab>KIND<tab>1`, the last field 1 when a space follows the word, else 0. `start` gets the
  /// byte where the word begins that they replace.
  char *(*complete)(void *context, const char *text, int cursor, int *start);
  /// How to paint a text: one letter for each of its characters, in memory from `malloc`; NULL for
  /// plain. c command, s text, h hole, n number, f function, # comment, ! what does not fit.
  char *(*paint)(void *context, const char *text);
  /// A pasted text without the prompts in it, composed, in memory from `malloc`; NULL for as it is.
  char *(*clean)(void *context, const char *text);
  /// The one character for a character and a mark; 0 when there is none.
  unsigned (*compose)(void *context, unsigned character, unsigned mark);
} editor_callbacks;

/// Opens the editor on the terminal; NULL when there is no memory.
visen_editor *editor_open(const char *name, editor_callbacks callbacks, int has_colors);

/// Adds a statement to what Up and Ctrl-R find.
void editor_remember(visen_editor *editor, const char *text);

/// Reads a statement; `text` gets memory from `malloc` for EDITOR_LINE.
///
/// `has_history` is 0 for a plain question: Enter sends, and nothing is recalled. `initial` is what
/// the line holds before the first key; NULL for nothing. In the prompt, what stands between two \1 is
/// sent and takes no column.
editor_status editor_read(visen_editor *editor, const char *prompt, int has_history,
                          const char *initial, char **text);

/// Adds a statement of another session to what Up and Ctrl-R find; from any thread. It counts at the
/// next line, or when the editor is woken.
void editor_offer(visen_editor *editor, const char *text);

/// Makes the editor take what was offered; from any thread.
void editor_wake(visen_editor *editor);

/// Gives the terminal to another program as it was before the editor opened; between lines only.
void editor_lend_terminal(void);

/// Takes the terminal back from another program.
void editor_take_terminal(void);

/// Leaves the terminal as it was found, for a process that ends at once; safe in a signal handler.
void editor_give_terminal_back(void);

/// Prints a text above the line that is being typed, line ends included; from any thread.
void editor_print(visen_editor *editor, const char *text);

/// Gives the line that is being typed another prompt; NULL takes back one that was not shown yet. From
/// any thread.
void editor_set_prompt(visen_editor *editor, const char *prompt);

/// Takes prompt and line away from the screen and leaves `editor_read` with EDITOR_END; from any thread.
void editor_leave(visen_editor *editor);

/// Gives the terminal back.
void editor_close(visen_editor *editor);

#endif
