/** The innermost error's SQLSTATE and message. */
export const failure = async (act) => {
  try {
    await act();
    return 'done';
  } catch (error) {
    let inner = error;
    while (inner.cause !== undefined) inner = inner.cause;
    return [inner.originalCode ?? inner.code, inner.originalMessage ?? inner.message];
  }
};

/** Each session prints one line of JSON: its steps by name. */
export const tell = (steps) => console.log(JSON.stringify(steps));
