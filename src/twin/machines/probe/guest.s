# The smallest guest that a KVM must run to be of use: 64-bit code behind page tables. There are
# KVMs that run real mode and nothing beyond. The bytes are in guest.rs, made by:
#   as --64 guest.s -o guest.o && ld -Ttext=0x7c00 --oformat binary guest.o -o guest.bin
.code16
start:
  cli
  xor %ax,%ax
  mov %ax,%ds
  mov %ax,%es
  mov %ax,%ss
  mov $0x7000,%sp
  # page tables at 0x1000..0x3fff: identity, one 2 MiB page
  mov $0x1000,%di
  mov %di,%bx
  xor %eax,%eax
  mov $0xc00,%cx
  cld
  rep stosl
  movw $0x2003,0x1000
  movw $0x3003,0x2000
  movw $0x0083,0x3000
  mov $0x1000,%eax
  mov %eax,%cr3
  mov %cr4,%eax
  or $0x20,%al
  mov %eax,%cr4
  mov $0xc0000080,%ecx
  rdmsr
  or $0x100,%ax
  wrmsr
  lgdtl gdtr
  mov %cr0,%eax
  or $0x80000001,%eax
  mov %eax,%cr0
  ljmp $8,$long
.code64
long:
  mov $16,%eax
  mov %eax,%ds
  mov %eax,%ss
  mov $0x7c00,%esp
  # 64-bit arithmetic: only right in long mode
  mov $0x2a00000000,%rax
  shr $32,%rax
  push %rax
  pop %rdx
  mov %edx,%eax
  out %al,$0xf4
1: hlt
  jmp 1b
.align 8
gdt: .quad 0
 .quad 0x00209b0000000000
 .quad 0x0000930000000000
gdtr: .word gdtr-gdt-1
 .long gdt
