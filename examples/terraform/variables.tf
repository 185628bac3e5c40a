variable "name" {
  description = "What everything is called, or begins with."
  type        = string
  default     = "shop"
}

variable "region" {
  description = "Where everything stands."
  type        = string
  default     = "eu-west-1"
}

variable "image" {
  description = "The image that the services run; null is the newest one in the repository that is made here."
  type        = string
  default     = null
}

variable "desired_count" {
  description = "How many tasks each service starts with."
  type        = number
  default     = 2
}

variable "certificate_arn" {
  description = "The certificate of the listeners. Without one they speak plain HTTP, as on the local cloud."
  type        = string
  default     = null
}

variable "ports" {
  description = "The ports of the listeners: what everybody uses, and what only tests use."
  type        = object({ production = number, test = number, rolling = number, canary = number })
  default     = { production = 443, test = 8443, rolling = 80, canary = 8080 }
}

variable "canary_weight" {
  description = "How many of 100 requests the canary gets when it is made. From then on the deployer moves it."
  type        = number
  default     = 10
}

variable "database_password" {
  description = "The secret that the tasks read."
  type        = string
  sensitive   = true
  default     = "change-me"
}
