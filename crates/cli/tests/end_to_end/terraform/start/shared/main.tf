variable "prefix" {
  type = string
}

resource "aws_ssm_parameter" "greeting" {
  name  = "${var.prefix}/greeting"
  type  = "String"
  value = "hello"
}
