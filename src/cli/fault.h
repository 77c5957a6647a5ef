/* fault.h - the one fault that is not this program's: a file that it reads in place was cut short. */
#ifndef FAULT_H
#define FAULT_H

/* From now on such a read ends the process with status 1 and a line on standard error that names the file.
 * Any other SIGBUS ends it as before. Once, before there are threads. */
void fault_explain_cut_files(void);

#endif
