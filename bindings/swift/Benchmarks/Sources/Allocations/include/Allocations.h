/// How often this thread has asked for memory. Zero always where it cannot be counted: on Darwin.
unsigned long long allocations(void);

/// How often the process has.
unsigned long long allocations_of_all_threads(void);
