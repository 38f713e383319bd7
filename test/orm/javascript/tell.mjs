/** The innermost error's SQLSTATE and message. */
export const failure = async (act) => {
  try {
    await act();
    return 'done';
  } catch (error) {
    let inner = error;
    while (inner.cause !== undefined) inner = inner.cause;
    // A raw query of Prisma's fails with a code of its own.
    return [inner.meta?.code ?? inner.originalCode ?? inner.code, inner.meta?.message ?? inner.originalMessage ?? inner.message];
  }
};

/** Each session prints one line of JSON: its steps by name. */
export const tell = (steps) => console.log(JSON.stringify(steps));
