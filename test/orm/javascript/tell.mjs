/** The innermost error's SQLSTATE and message. */
export const failure = async (act) => {
  try {
    await act();
    return 'done';
  } catch (error) {
    let inner = error;
    while (inner.cause !== undefined) inner = inner.cause;
    // A raw query of Prisma's fails with a code of its own, and carries the driver's.
    const { originalCode = inner.code, originalMessage = inner.message } = inner.meta?.driverAdapterError?.cause ?? inner;
    return [originalCode, originalMessage];
  }
};

/** Each session prints one line of JSON: its steps by name. */
export const tell = (steps) => console.log(JSON.stringify(steps));
